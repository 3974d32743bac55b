import Kernel
import TestSupport
import Testing

extension Conformance {
    /// What the worker sends about itself without being asked.
    @Suite struct Metrics {
        /// A worker that sends metrics to the receiver of the exporters' tests.
        @Test(.ownWorker, arguments: ["http/protobuf", "grpc"]) func aWorkerSendsItsMetrics(way: String) throws {
            let scratch = try Scratch()
            let receiver = try BackgroundProgram(
                [
                    try BackgroundProgram.python(), "\(BackgroundProgram.package)/Tests/OTLPExportTests/receiver.py",
                    "\(scratch.path)/log", "[]",
                ], scratch: scratch)
            func lines() throws -> [JSON] {
                let text = String(decoding: try scratch.directory.read("log", limit: 64 << 20), as: UTF8.self)
                // The last one may be under way.
                return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                    .map { try JSON(parsing: Array($0.utf8)) }
            }
            let ports = try eventually("the receiver's ports; it said: \(receiver.text)") { try? lines().first }
            let port = try #require(ports[way == "grpc" ? "grpc" : "http"].integer)
            try withWorker(environment: [
                "OTEL_METRICS_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:\(port)",
                "OTEL_EXPORTER_OTLP_PROTOCOL=\(way)", "OTEL_TRACES_EXPORTER=none", "OTEL_METRIC_EXPORT_INTERVAL=100",
            ]) { worker in
                try worker.garden.withContainer { handle in
                    #expect(try worker.garden.output(handle, "exit 7").status == 7)
                    try worker.poll("the metrics of one container; it said \(worker.complaints)") {
                        try latest(lines(), "apron.containers", "state", "active") == 1
                            && latest(lines(), "apron.process.exits", "reason", "exit") == 1
                    }
                }
                try worker.end(by: 15)
                // The last metrics, after everything else.
                #expect(try latest(lines(), "apron.containers", "state", "active") == 0)
                let names = Set(try #require(try lines().last)["metrics"].list.compactMap { $0["name"].string })
                #expect(
                    names.isSuperset(of: [
                        "apron.container.create.duration", "apron.container.destroy.duration", "apron.process.exits",
                        "apron.process.spawn.duration", "apron.phase.duration", "apron.containers", "apron.processes",
                        "apron.admission.queue.length", "apron.admission.wait", "apron.disk", "apron.disk.inodes",
                        "apron.pressure", "http.server.request.duration", "apron.uptime", "otel.sdk.span.live",
                        "otel.sdk.span.started",
                    ]), "\(names.sorted())")
                try worker.start()
            }
            try receiver.kill()
        }

        /// The value of a series in the last request that has it.
        private func latest(_ lines: [JSON], _ name: String, _ label: String, _ value: String) -> Int? {
            let metric = lines.last?["metrics"].list.first { $0["name"].string == name }
            let points = metric?["points"].list ?? []
            let point = points.first { point in
                point["attributes"].list.contains { pair in
                    pair.strings.first == label && pair.strings.last?.contains("\"\(value)\"") == true
                }
            }
            return point?["value"].integer
        }
    }
}
