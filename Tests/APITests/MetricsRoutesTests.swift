import Foundation
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import API

/// `GET /metrics`, asked by hand and by Prometheus itself.
@Suite(.timeLimit(.minutes(5)))
struct MetricsRoutesTests {
    private func group(_ registry: MetricRegistry) -> RouteGroup {
        RouteGroup(routes: MetricsRoutes { registry.snapshot() }.routes, errorReply: ErrorTable.reply)
    }

    @Test func theFormIsTheOneThatWasAskedFor() async throws {
        let registry = MetricRegistry()
        registry.count(.processExits, ["exit"])
        try await withServer(extra: [group(registry)]) { server in
            let plain = try await server.call("GET", "/metrics")
            #expect(plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(plain.headers["vary"] == "Accept")
            #expect(plain.body.contains("\napron_process_exits_total{reason=\"exit\"} 1\n"))
            #expect(!plain.body.contains("# EOF"))
            let open = try await server.call(
                "GET", "/metrics", headers: ["Accept: text/plain;q=0.5", "Accept: application/openmetrics-text"])
            #expect(open.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
            #expect(open.body.contains("# TYPE apron_process_exits counter\n"))
            #expect(open.body.hasSuffix("\n# EOF\n"))
            #expect(try await server.call("POST", "/metrics").status == "HTTP/1.1 405 Method Not Allowed")
        }
    }

    /// Debian's Prometheus scrapes us, keeps the figures and gives back the trace behind a bucket.
    @Test func prometheusScrapesAndReturnsExemplars() async throws {
        let registry = MetricRegistry()
        let exemplar = MetricExemplar(
            traceID: try #require(TraceID("0af7651916cd43dd8448eb211c80319c")),
            spanID: try #require(SpanID(0xb7ad_6b71_6920_3331)), value: 0.3, time: realTime())
        registry.observe(.containerCreateDuration, ["ok"], 0.3, exemplar: exemplar)
        registry.count(.processExits, ["a \"quoted\\\nreason"], by: 7)
        registry.add { readings in
            readings.add(.containers, ["active"], 1000)
            readings.describe(Resource(serviceVersion: "1.2", workerName: "w"))
        }
        registry.add(HostSources.uptime())
        try await withServer(extra: [group(registry)]) { server in
            let prometheus = try await Prometheus.start(scraping: server.port)
            let port = try await prometheus.port()
            func ask(_ question: String) async throws -> String {
                try await curl("http://127.0.0.1:\(port)/api/v1/\(question)")
            }
            let range = "start=\(realTime() / 1_000_000_000 - 600)&end=\(realTime() / 1_000_000_000 + 600)"
            try await prometheus.until("the scrape is there") {
                try await ask("query?query=apron_containers").contains("\"1000\"")
            }
            #expect(try await ask("query?query=up").contains("\"1\""))
            #expect(
                try await ask("query?query=apron_process_exits_total").contains(#""reason":"a \"quoted\\\nreason""#))
            #expect(try await ask("query?query=target_info").contains(#""service_version":"1.2""#))
            try await prometheus.until("the exemplar is there") {
                let answer = try await ask(
                    "query_exemplars?query=apron_container_create_duration_seconds_bucket&\(range)")
                return answer.contains("0af7651916cd43dd8448eb211c80319c") && answer.contains("b7ad6b7169203331")
                    && answer.contains("\"value\":\"0.3\"")
            }
            prometheus.stop()
        }
    }
}

/// A Prometheus of this test's own, on a port that the kernel chose.
private final class Prometheus: Sendable {
    private let child: ChildProcess
    private let scratch: Scratch

    private init(_ child: consuming ChildProcess, _ scratch: Scratch) {
        self.child = child
        self.scratch = scratch
    }

    deinit { stop() }

    static func start(scraping port: Int) async throws -> Prometheus {
        try await BlockingExecutor.run {
            let scratch = try Scratch()
            let configuration = """
                scrape_configs:
                  - job_name: apron
                    scrape_interval: 1s
                    scrape_timeout: 1s
                    static_configs: [{targets: ["127.0.0.1:\(port)"]}]
                """
            try runProgram("sh", "-c", "printf '%s' \"$1\" > \"$2\"", "sh", configuration, "\(scratch.path)/p.yml")
            let command = """
                exec prometheus --config.file="$0/p.yml" --storage.tsdb.path="$0/data" \
                    --web.listen-address=127.0.0.1:0 --enable-feature=exemplar-storage >>"$0/log" 2>&1
                """
            let null = try KernelFile.open("/dev/null")
            let child = try ChildProcess.start(
                program: try KernelFile.open("/bin/sh"), arguments: ["sh", "-c", command, scratch.path],
                environment: ["PATH=/usr/bin:/bin"], namespaces: [],
                descriptors: [null.number, null.number, null.number], keepsCapabilities: false)
            return Prometheus(child, scratch)
        }
    }

    private var said: String {
        (try? String(contentsOfFile: "\(scratch.path)/log", encoding: .utf8)) ?? ""
    }

    /// The port, which it says when it listens.
    func port() async throws -> Int {
        try await until("it listens") { said.contains("Listening on") }
        let line = said.split(separator: "\n").first { $0.contains("Listening on") } ?? ""
        return try #require(line.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) })
    }

    /// Waits for a condition; with what it said when that never comes.
    func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<600 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw ProgramNeverDid(description: "prometheus: not so: \(what)\n\(said)")
    }

    func stop() {
        _ = try? child.signal(9)
        _ = try? child.wait()
    }
}

private struct ProgramNeverDid: Error, CustomStringConvertible { let description: String }

/// What a GET answers, also when that is a failure.
private func curl(_ url: String) async throws -> String {
    try await BlockingExecutor.run {
        try runProgram("curl", "--silent", "--show-error", "--globoff", "--max-time", "60", url)
    }
}
