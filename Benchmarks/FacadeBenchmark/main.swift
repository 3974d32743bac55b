// What a traced call costs beside a plain one, spans off and on, and what encoding an ended span costs.
//
//     swift run -c release FacadeBenchmark           nanoseconds of each
//     swift run -c release FacadeBenchmark calls N   N calls that are off, with five attributes, and nothing else: for
//                                                    counting what they allocate
//     swift run -c release FacadeBenchmark spans N   N spans that are recorded, with five attributes, or `bare` ones:
//                                                    for looking at where their time goes

import Glibc
import Kernel
import Logging
import OTLPExport
import Synchronization
import Telemetry

/// Calls in one measurement; enough for the clock's own cost to vanish.
let callCount = 2_000_000
/// Measurements of each kind; the least is taken, since all disturbances add.
let repetitions = 7

/// The work under measurement: too small to hide the cost of tracing, opaque to the optimiser.
@inline(never)
func work(_ number: Int) -> Int { number &* 3 &+ 1 }

@inline(never)
func workAsync(_ number: Int) async -> Int { number &* 3 &+ 1 }

@inline(never)
func plainAsync(_ number: Int) async -> Int { await workAsync(number) }

@inline(never)
func plain(_ number: Int) -> Int { work(number) }

@inline(never)
func tracedBare(_ number: Int) -> Int {
    traced(.cgroupCreate) { _ in work(number) }
}

@inline(never)
func tracedWithAttributes(_ number: Int, _ path: String) -> Int {
    traced(.cgroupCreate) { span in
        span.set {
            $0.set("apron.cgroup.version", number)
            $0.set("apron.path", path)
            $0.set("apron.limits.memory", UInt64(truncatingIfNeeded: number))
            $0.set("apron.pooled", number & 1 == 0)
            $0.set("apron.pressure.cpu.some", Double(number))
        }
        return work(number)
    }
}

/// As ``tracedWithAttributes(_:_:)``, each attribute by itself.
@inline(never)
func tracedWithSingleAttributes(_ number: Int, _ path: String) -> Int {
    traced(.cgroupCreate) { span in
        span.set("apron.cgroup.version", number)
        span.set("apron.path", path)
        span.set("apron.limits.memory", UInt64(truncatingIfNeeded: number))
        span.set("apron.pooled", number & 1 == 0)
        span.set("apron.pressure.cpu.some", Double(number))
        return work(number)
    }
}

@inline(never)
func tracedAsync(_ number: Int) async -> Int {
    await traced(.cgroupCreate) { span in
        span.set("apron.cgroup.version", number)
        return await workAsync(number)
    }
}

func nanoseconds(
    _ calls: Int = callCount, of repetitions: Int = repetitions, _ body: (Int) -> Int
) -> Double {
    var best = Double.infinity
    var sum = 0
    for _ in 0..<repetitions {
        let start = bootTime()
        for number in 0..<calls { sum &+= body(number) }
        best = min(best, Double(bootTime() - start) / Double(calls))
    }
    precondition(sum != 42, "keeps the work alive")
    return best
}

func nanosecondsAsync(_ calls: Int = callCount, _ body: (Int) async -> Int) async -> Double {
    var best = Double.infinity
    var sum = 0
    for _ in 0..<repetitions {
        let start = bootTime()
        for number in 0..<calls { sum &+= await body(number) }
        best = min(best, Double(bootTime() - start) / Double(calls))
    }
    precondition(sum != 42, "keeps the work alive")
    return best
}

func report(_ name: String, _ nanoseconds: Double) {
    let rounded = (nanoseconds * 100).rounded() / 100
    print("\(name): \(rounded) ns per call")
}

let path = "/var/lib/apron/containers/live/0123456789abcdef"

if CommandLine.arguments.count > 2, CommandLine.arguments[1] == "calls", let count = Int(CommandLine.arguments[2]) {
    var sum = 0
    for number in 0..<count { sum &+= tracedWithAttributes(number, path) }
    precondition(sum != 42, "keeps the work alive")
    exit(0)
}

/// Spans below one root, as in a container's creation.
let spansPerRoot = 40

/// Calls `body` under a new root, as requests have it.
func underRoot(_ number: Int, _ body: (Int) -> Int) -> Int {
    let root = Telemetry.start(.containerCreate, parent: nil)
    defer { root.end() }
    return root.run {
        var sum = 0
        for step in 0..<spansPerRoot { sum &+= body(number &+ step) }
        return sum
    }
}

if CommandLine.arguments.count > 2, CommandLine.arguments[1] == "spans", let count = Int(CommandLine.arguments[2]) {
    try Telemetry.configure(Telemetry.Configuration())
    let isBare = CommandLine.arguments.last == "bare"
    var sum = 0
    for number in 0..<count / spansPerRoot {
        sum &+= underRoot(number) { isBare ? tracedBare($0) : tracedWithAttributes($0, path) }
    }
    precondition(sum != 42, "keeps the work alive")
    exit(0)
}

/// As ``nanoseconds(_:_:)``, under a new root every so often; the roots' own cost is included.
func nanosecondsUnderRoots(_ body: (Int) -> Int) -> Double {
    nanoseconds(5_000) { underRoot($0, body) } / Double(spansPerRoot)
}

report("plain call", nanoseconds { plain($0) })
report("off", nanoseconds { tracedBare($0) })
report("off, five attributes", nanoseconds { tracedWithAttributes($0, path) })
report("off, five attributes, each by itself", nanoseconds { tracedWithSingleAttributes($0, path) })
report("plain async call", await nanosecondsAsync { await plainAsync($0) })
report("off, async", await nanosecondsAsync { await tracedAsync($0) })

try Telemetry.configure(Telemetry.Configuration())

report("on", nanosecondsUnderRoots { tracedBare($0) })
report("on, five attributes", nanosecondsUnderRoots { tracedWithAttributes($0, path) })
report("on, five attributes, each by itself", nanosecondsUnderRoots { tracedWithSingleAttributes($0, path) })
print("store: \(Telemetry.store.usage)")

/// Spans of one request to the collector, the standard's default.
let batchSpans = 512

let batch: [RecordedSpan] = (0..<batchSpans).map { number in
    let span = Telemetry.start(.cgroupCreate, parent: nil, handle: "0123456789abcdef")
    span.set("apron.cgroup.version", Int64(number))
    span.set("apron.path", path)
    span.set("apron.limits.memory", Int64(number) << 30)
    span.set("apron.pooled", number & 1 == 0)
    span.set("apron.pressure.cpu.some", Double(number))
    span.end()
    return span.recorded
}
let resource = Telemetry.resource
let perBatch = nanoseconds(4, of: 200) { number in OTLPJSON.encode(batch, resource: resource).count &+ number }
report("OTLP JSON, five attributes", perBatch / Double(batch.count))

/// From ended spans to a request's bytes in the exporter's queue, per span. Nobody listens, and nothing is sent: what
/// the queue has no room for is dropped.
func encodingNanoseconds() throws -> Double {
    let endpoint = try Endpoint("http://127.0.0.1:9", transport: .protobuf, isBase: true)
    let exporter = try OTLPExporter(
        OTLPConfiguration(endpoint: endpoint, transport: .protobuf),
        logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
    return nanoseconds(200) { number in
        exporter.export(batch, resource: resource)
        return number
    } / Double(batchSpans)
}

report("encoding of a span with five attributes", try encodingNanoseconds())

/// The metrics of a worker that has served every route with several outcomes; containers add nothing to their length.
let registry = MetricRegistry()
for phase in Phase.allCases { registry.observe(.phaseDuration, [phase.rawValue], 0.01) }
for number in 0..<200 { registry.observe(.httpServerDuration, ["GET", "/containers/\(number)", "200"], 0.01) }
registry.add { readings in
    for state in ["active", "stopped", "dead"] { readings.add(.containers, [state], 1000) }
    for strategy in ["empty", "cow", "import"] { readings.add(.volumes, [strategy], 5000) }
}
registry.add(HostSources.pressure)
registry.add(HostSources.disk(of: "/"))
let text = Exposition.text(registry.snapshot(), .openMetrics)
print("metrics: \(text.count { $0 == UInt8(ascii: "\n") }) lines, \(text.count) bytes")
report("metrics, read", nanoseconds(1, of: 50) { registry.snapshot().families.count &+ $0 })
report(
    "metrics, read and written",
    nanoseconds(1, of: 50) { Exposition.text(registry.snapshot(), .openMetrics).count &+ $0 })
