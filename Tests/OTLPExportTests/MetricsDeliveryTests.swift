import Foundation
import Kernel
import Logging
import Synchronization
import TestSupport
import Testing

@testable import OTLPExport
@testable import Telemetry

/// Metrics on their way to collectors that take them, are away, or answer strangely.
@Suite(.serialized) struct MetricsDeliveryTests {
    private static let long: Int32 = 100_000
    private let registry = MetricRegistry()

    /// What is logged at info and above, one text each.
    private final class Lines: LogHandler, Sendable {
        let lines = Mutex<[String]>([])
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            let metadata = event.metadata ?? [:]
            let fields = metadata.keys.sorted().map { " \($0)=\(metadata[$0] ?? "")" }.joined()
            lines.withLock { $0.append("\(event.level): \(event.message)\(fields)") }
        }

        var all: [String] { lines.withLock { $0 } }
    }

    private func configuration(
        _ receiver: Receiver, _ transport: OTLPConfiguration.Transport
    ) throws -> OTLPConfiguration {
        var configuration = try receiver.configuration(transport)
        configuration.endpoint = try Endpoint(
            "http://127.0.0.1:\(receiver.port(transport))", transport: transport, isBase: true, signal: .metrics)
        return configuration
    }

    private func reader(
        _ configuration: OTLPConfiguration, every milliseconds: Int = 3_600_000, _ lines: Lines = Lines()
    ) throws -> MetricsReader {
        try MetricsReader(
            registry, everyMilliseconds: milliseconds, resource: { Resource(serviceVersion: "1.2", workerName: "w") }
        ) { OTLPMetricsExporter(configuration, logger: Logger(label: "test") { _ in lines }) }
    }

    /// Sends the metrics twice: what a receiver with this script got, and what the operator is told.
    private func outcome(
        _ script: String, _ transport: OTLPConfiguration.Transport = .protobuf,
        _ change: (inout OTLPConfiguration) -> Void = { _ in }
    ) throws -> (requests: [Receiver.Request], log: [String]) {
        registry.count(.processExits, ["exit"], by: 3)
        let receiver = try Receiver(script)
        var configuration = try configuration(receiver, transport)
        change(&configuration)
        let lines = Lines()
        let ready = configuration
        let exporter = OTLPMetricsExporter(ready, logger: Logger(label: "test") { _ in lines })
        let patience = try Patience()
        for _ in 0..<2 { _ = exporter.export(registry.snapshot(), resource: Resource(), patience: patience) }
        exporter.close()
        return (try receiver.requests(), lines.all)
    }

    @Test("a reference decoder reads every kind", arguments: OTLPConfiguration.Transport.allCases)
    func content(transport: OTLPConfiguration.Transport) throws {
        let exemplar = MetricExemplar(
            traceID: try #require(TraceID("0af7651916cd43dd8448eb211c80319c")),
            spanID: try #require(SpanID(0xb7ad_6b71_6920_3331)), value: 0.3, time: 17)
        registry.count(.processExits, ["ex\"it\n"], by: 3)
        registry.observe(.httpServerDuration, ["GET", "", "404"], 0.3, exemplar: exemplar)
        registry.observe(.httpServerDuration, ["GET", "", "404"], 100)
        registry.add { readings in
            readings.add(.diskBytes, ["used"], 4096.5)
            readings.add(.buildInfo, ["1.2"], 1)
        }
        let receiver = try Receiver()
        var configuration = try configuration(receiver, transport)
        configuration.compression = .gzip
        configuration.headers = [.init("X-Key", "hush")]
        #expect(try reader(configuration).finish(milliseconds: Self.long))
        let request = try #require(try receiver.requests().first)
        #expect(request.path == (transport == .grpc ? "grpc" : "/v1/metrics"))
        #expect(request.header("x-key") == "hush" && request.spans.isEmpty)
        let metrics = Dictionary(request.metrics.map { ($0.name, $0) }) { first, _ in first }
        let exits = try #require(metrics["apron.process.exits"])
        #expect(exits.kind == "sum" && exits.temporality == 2 && exits.isMonotonic)
        #expect(exits.description == Metric.processExits.help)
        #expect(exits.points.map(\.value) == [3])
        #expect(exits.points[0].attributes == [["reason", #"{"string_value": "ex\"it\n"}"#]])
        #expect(exits.scope == Resource.scopeName && exits.schema == [OTLPJSON.schemaURL, OTLPJSON.schemaURL])
        #expect(exits.resource.contains(["service.version", #"{"string_value": "1.2"}"#]))
        let disk = try #require(metrics["apron.disk"])
        #expect(disk.kind == "gauge" && disk.unit == "By" && disk.points.map(\.value) == [4096.5])
        #expect(disk.points[0].start == "0" && disk.points[0].time == exits.points[0].time)
        let requests = try #require(metrics["http.server.request.duration"])
        let point = try #require(requests.points.first)
        #expect(requests.kind == "histogram" && requests.unit == "s" && requests.temporality == 2)
        #expect(point.count == 2 && point.value == 100.3 && point.bounds == Metric.Buckets.work)
        #expect(point.buckets.reduce(0, +) == 2 && point.buckets.last == 1)
        #expect(point.buckets.count == point.bounds.count + 1)
        #expect(point.exemplars == [["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "17", "0.3"]])
        #expect(
            point.attributes == [
                ["http.request.method", #"{"string_value": "GET"}"#],
                ["http.response.status_code", #"{"int_value": 404}"#],
            ])
        #expect(metrics.keys.allSatisfy { !$0.contains("info") })
    }

    @Test("they come again and again with the same begin, and once more at the end")
    func periodic() throws {
        registry.count(.processExits, ["exit"])
        let receiver = try Receiver()
        let reader = try reader(try configuration(receiver, .protobuf), every: 20)
        _ = try eventually("three requests") { try receiver.requests().count >= 3 ? true : nil }
        registry.count(.processExits, ["exit"], by: 41)
        #expect(reader.finish(milliseconds: Self.long))
        let points = try receiver.requests().map { request in
            try #require(request.metrics.first { $0.name == "apron.process.exits" }?.points.first)
        }
        #expect(points.first?.value == 1 && points.last?.value == 42)
        #expect(Set(points.map(\.start)).count == 1)
        #expect(points.map(\.time) == points.map(\.time).sorted())
        #expect(Set(try receiver.requests().map(\.peer)).count == 1)
    }

    @Test("nothing is sent before the first interval is over, nor when there is nothing")
    func quiet() throws {
        let receiver = try Receiver()
        let patience = try Patience()
        let exporter = OTLPMetricsExporter(try configuration(receiver, .protobuf), logger: silent)
        let nothing = MetricSnapshot(families: [], start: 1, time: 2)
        #expect(exporter.export(nothing, resource: Resource(), patience: patience) == 0)
        exporter.close()
        #expect(try receiver.requests().isEmpty)
    }

    @Test(
        "attempts that are made again until they succeed",
        arguments: [
            (
                #"[{"status": 503, "after": "0"}, {"status": 429}, "drop", "garbage"]"#,
                OTLPConfiguration.Transport.protobuf
            ),
            (#"[{"status": 502}, "middle"]"#, .json),
            (#"[{"grpc": "UNAVAILABLE"}, {"grpc": "RESOURCE_EXHAUSTED", "retry": 1}]"#, .grpc),
        ])
    func retries(script: String, transport: OTLPConfiguration.Transport) throws {
        let (requests, log) = try outcome(script, transport)
        #expect(requests.count >= 4, "\(requests.map(\.action))")
        #expect(requests.count { $0.action == "\"ok\"" } == 2)
        #expect(log.isEmpty, "\(log)")
    }

    @Test("the wait that the collector asks for, within the time limit and beyond")
    func retryAfter() throws {
        let (requests, log) = try outcome(#"[{"status": 503, "after": "1"}]"#)
        try #require(requests.count == 3)
        #expect(requests[1].time - requests[0].time >= 0.99 && log.isEmpty)
        registry.count(.processExits, ["exit"])
        let receiver = try Receiver(#"[{"status": 503, "after": "500"}]"#)
        let exporter = OTLPMetricsExporter(try configuration(receiver, .protobuf), logger: silent)
        let pause = exporter.export(registry.snapshot(), resource: Resource(), patience: try Patience())
        exporter.close()
        #expect(pause == 500_000)
        #expect(try receiver.requests().count == 1)
    }

    @Test(
        "what is refused is told once, and not sent again",
        arguments: [
            (
                #"[{"status": 400, "text": "bad"}, {"status": 400}]"#, OTLPConfiguration.Transport.protobuf,
                "HTTP 400: bad"
            ),
            (#"[{"status": 404}, {"status": 404}]"#, .json, "HTTP 404: "),
            (#"[{"grpc": "UNIMPLEMENTED", "text": "no"}, {"grpc": "UNIMPLEMENTED"}]"#, .grpc, "gRPC status 12: no"),
        ])
    func refused(script: String, transport: OTLPConfiguration.Transport, reason: String) throws {
        let (requests, log) = try outcome(script, transport)
        #expect(requests.count == 2)
        #expect(log.count == 1 && log[0].hasPrefix("warning: the collector refused metrics, which are lost reason="))
        #expect(log.first?.contains(reason) == true || transport == .json, "\(log)")
    }

    @Test("a partial success is told", arguments: OTLPConfiguration.Transport.allCases)
    func partial(transport: OTLPConfiguration.Transport) throws {
        let (requests, log) = try outcome(#"[{"partial": 2, "text": "too old"}, {"partial": 1}]"#, transport)
        #expect(requests.count == 2)
        #expect(log == ["warning: the collector took metrics in part reason=too old rejected=2"])
    }

    @Test("an absence is told once, and so is its end") func away() throws {
        registry.count(.processExits, ["exit"])
        let receiver = try Receiver(#"["drop", "drop", "drop"]"#)
        var configuration = try configuration(receiver, .protobuf)
        configuration.timeoutMilliseconds = 1
        let lines = Lines()
        let ready = configuration
        let exporter = OTLPMetricsExporter(ready, logger: Logger(label: "test") { _ in lines })
        let patience = try Patience()
        // A millisecond may be too short even for a connection, so that nobody knows how many it takes.
        _ = exporter.export(registry.snapshot(), resource: Resource(), patience: patience)
        _ = exporter.export(registry.snapshot(), resource: Resource(), patience: patience)
        exporter.close()
        #expect(
            lines.all.count == 1 && lines.all[0].hasPrefix("warning: metrics cannot be sent reason="), "\(lines.all)")
    }

    @Test("the end is not held up by a collector that hangs") func hangsAtTheEnd() throws {
        registry.count(.processExits, ["exit"])
        let receiver = try Receiver(#"["hang", "hang"]"#)
        let reader = try reader(try configuration(receiver, .protobuf))
        // The time limit of the export is far longer than the patience of the end.
        let start = bootTime()
        reader.finish(milliseconds: 300)
        #expect(bootTime() - start < 30_000_000_000)
    }
}
