// The server of the APIs, and on demand a flood of spans on their way to a collector, in one process, so that a client
// can tell what the one does to the other. It answers POST /ping with a span of its own, prints its port, and takes
// lines from standard input: `flood` begins, `calm` ends the flood and prints how many spans a second there were, how
// many were dropped, and how many seconds of CPU the process took. Usage: FloodBenchmark COLLECTOR-URL SPOOL [spans/s]

import API
import Glibc
import Kernel
import Logging
import OTLPExport
import Synchronization
import Telemetry

let rate = CommandLine.arguments.count > 3 ? Double(CommandLine.arguments[3]) ?? 100_000 : 100_000
let silent = Logger(label: "flood") { _ in SwiftLogNoOpLogHandler() }
var collector = OTLPConfiguration(
    endpoint: try Endpoint(CommandLine.arguments[1], transport: .protobuf, isBase: true), transport: .protobuf)
collector.spool = OTLPConfiguration.Spool(directory: CommandLine.arguments[2])
let exporter = try OTLPExporter(collector, logger: silent)
var telemetry = Telemetry.Configuration()
telemetry.exporters = [exporter]
try Telemetry.configure(telemetry)

/// Produces spans while it is wanted, as many requests at a time would: a trace has a root and its phases.
final class Flood: Sendable {
    private static let spansPerTrace = 25
    private let rate: Double
    private let isOn = Atomic<Bool>(false)
    private let count = Atomic<Int>(0)

    /// - Parameter rate: spans a second
    init(rate: Double) { self.rate = rate }

    func begin() throws {
        isOn.store(true, ordering: .relaxed)
        count.store(0, ordering: .relaxed)
        try startThread(named: "flood") { self.run() }
    }

    /// How many spans there were.
    func end() -> Int {
        isOn.store(false, ordering: .relaxed)
        return count.load(ordering: .relaxed)
    }

    private func run() {
        let start = bootTime()
        var made = 0
        while isOn.load(ordering: .relaxed) {
            let due = Int(Double(bootTime() - start) / 1e9 * rate)
            while made < due {
                trace()
                made += Self.spansPerTrace
            }
            count.store(made, ordering: .relaxed)
            usleep(1000)
        }
    }

    private func trace() {
        let root = Telemetry.start(.containerCreate, parent: nil)
        for number in 1..<Self.spansPerTrace {
            let span = Telemetry.start(.cgroupCreate, parent: root.context)
            span.set("apron.cgroup.version", Int64(number))
            span.set("apron.limit.memory", Int64(1 << 30))
            span.set("container.id", "f0e4c2f7-6c58-4a1e-8f1a-5b1d0c0f6f5e")
            span.set("apron.cache.outcome", "hit")
            span.set("apron.container.privileged", false)
            span.end()
        }
        root.end()
    }
}

@Sendable func say(_ line: String) {
    let out = LineWriter(.output)
    // Whoever does not listen any more has ended us.
    try? out.write(Array("\(line)\n".utf8))
}

func cpuSeconds() -> Double {
    var own = rusage()
    getrusage(RUSAGE_SELF.rawValue, &own)
    return [own.ru_utime, own.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
}

try startThread(named: "commands") {
    let flood = Flood(rate: rate)
    var (start, cpu, dropped) = (bootTime(), cpuSeconds(), Telemetry.droppedSpans)
    while let line = readLine() {
        if line == "flood" {
            (start, cpu, dropped) = (bootTime(), cpuSeconds(), Telemetry.droppedSpans)
            try? flood.begin()
            continue
        }
        let made = flood.end()
        let seconds = Double(bootTime() - start) / 1e9
        let lost = Telemetry.droppedSpans - dropped
        say("rate=\(Double(made) / seconds) dropped=\(lost) cpu=\((cpuSeconds() - cpu) / seconds)")
    }
    exit(0)
}
let ping = RouteGroup.post("/ping") { _ in Array("{}".utf8) }
let server = APIServer(
    APIServer.Configuration(addresses: [.tcp(host: "127.0.0.1", port: 0)]), groups: [ping], logger: silent
) { address in
    if case .tcp(_, let port) = address { say("port=\(port)") }
}
try await server.run()
