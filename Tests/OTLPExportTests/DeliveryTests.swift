import Foundation
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import OTLPExport

/// Collectors that are away, slow, or answer strangely.
@Suite(.serialized) struct DeliveryTests {
    private let resource = Resource()
    private static let long: Int32 = 100_000

    /// Sends one span to a receiver with this script; what came of it.
    private func outcome(
        _ script: String, _ transport: OTLPConfiguration.Transport = .protobuf, spans: Int = 1,
        _ change: (inout OTLPConfiguration) -> Void = { _ in }
    ) throws -> (statistics: ExportStatistics, requests: [Receiver.Request]) {
        let receiver = try Receiver(script)
        var configuration = try receiver.configuration(transport)
        change(&configuration)
        let exporter = try OTLPExporter(configuration, logger: silent)
        exporter.export(try samples(spans), resource: resource)
        _ = exporter.flush(milliseconds: Self.long, stop: false)
        return (exporter.statistics, try receiver.requests())
    }

    @Test(
        "attempts that are made again until they succeed",
        arguments: [
            #"[{"status": 503}, {"status": 429}, {"status": 502}, {"status": 504}]"#,
            #"["drop", "garbage", "middle"]"#,
            #"[{"status": 503, "after": "0"}, {"status": 503, "after": "soon"}, {"status": 429, "after": "-3"}]"#,
        ])
    func retries(script: String) throws {
        let (statistics, requests) = try outcome(script)
        #expect(statistics.exported == 1 && statistics.retries == requests.count - 1, "\(statistics)")
        #expect(requests.count >= 4, "\(requests.map(\.action))")
        #expect(statistics.failedExports == 0)
    }

    @Test("the wait that the collector asks for, as seconds and as date", arguments: ["1", "date+2"])
    func retryAfter(text: String) throws {
        let (statistics, requests) = try outcome(#"[{"status": 503, "after": "\#(text)"}]"#)
        #expect(statistics.exported == 1, "\(statistics)")
        try #require(requests.count == 2)
        // A date has whole seconds, so that at least one of the two is left.
        #expect(requests[1].time - requests[0].time >= 0.99)
    }

    @Test("a wait beyond the timeout ends the export, and the spans wait")
    func retryAfterTooLong() throws {
        let (statistics, requests) = try outcome(#"[{"status": 503, "after": "500"}]"#)
        #expect(statistics.exported == 0 && statistics.waitingSpans == 1 && statistics.failedExports == 1)
        #expect(requests.count == 1)
        #expect(statistics.lastFailure?.text == "HTTP 503")
    }

    @Test("what is refused is lost, counted, and never sent again", arguments: [400, 401, 404, 413, 415, 500, 301])
    func refused(status: Int) throws {
        let (statistics, requests) = try outcome(#"[{"status": \#(status), "text": "bad\u0007data"}]"#)
        #expect(statistics.dropped == [.refused: 1] && statistics.waitingSpans == 0, "\(statistics)")
        #expect(requests.count == 1)
        #expect(statistics.lastFailure?.text == "HTTP \(status): baddata")
    }

    @Test("every 2xx is a success", arguments: [#"["empty"]"#, #"[{"status": 202}]"#, #"[{"status": 204}]"#])
    func success(script: String) throws {
        for transport in [OTLPConfiguration.Transport.protobuf, .json] {
            let (statistics, requests) = try outcome(script, transport)
            #expect(statistics.exported == 1 && statistics.lastPartialSuccess == nil, "\(statistics)")
            #expect(requests.count == 1)
        }
    }

    @Test("a partial success counts, warns and is not sent again", arguments: OTLPConfiguration.Transport.allCases)
    func partial(transport: OTLPConfiguration.Transport) throws {
        let (statistics, requests) = try outcome(#"[{"partial": 2, "text": "too old"}]"#, transport, spans: 5)
        #expect(statistics.exported == 3 && statistics.rejected == 2, "\(statistics)")
        #expect(statistics.lastPartialSuccess?.text == "too old")
        #expect(requests.count == 1)
    }

    @Test("a reply without end is refused", arguments: [OTLPConfiguration.Transport.protobuf, .grpc])
    func large(transport: OTLPConfiguration.Transport) throws {
        let (statistics, requests) = try outcome(#"["large"]"#, transport)
        #expect(statistics.dropped == [.refused: 1], "\(statistics)")
        #expect(statistics.lastFailure?.text.contains("reply of more than") == true)
        #expect(requests.count == 1)
    }

    @Test("a collector that hangs is left after the timeout", arguments: OTLPConfiguration.Transport.allCases)
    func hangs(transport: OTLPConfiguration.Transport) throws {
        let receiver = try Receiver(#"["hang"]"#)
        var configuration = try receiver.configuration(transport)
        configuration.timeoutMilliseconds = 300
        configuration.probe = Backoff(first: 1_000_000, most: 1_000_000)
        let exporter = try OTLPExporter(configuration, logger: silent)
        exporter.export(try samples(1), resource: resource)
        #expect(!exporter.flush(milliseconds: Self.long, stop: false))
        let statistics = exporter.statistics
        #expect(statistics.failedExports == 1 && statistics.waitingSpans == 1, "\(statistics)")
        let text = try #require(statistics.lastFailure?.text)
        #expect(text.contains("no reply in time") || text.contains("gRPC status 4"), "\(text)")
        // And it is asked again, on a new connection.
        #expect(exporter.flush(milliseconds: Self.long, stop: true))
        #expect(exporter.statistics.exported == 1)
    }

    @Test(
        "a slow collector is waited for, and one connection is enough", arguments: OTLPConfiguration.Transport.allCases)
    func slow(transport: OTLPConfiguration.Transport) throws {
        let (statistics, requests) = try outcome(#"[{"slow": 0.3}, {"slow": 0.3}]"#, transport, spans: 12) {
            $0.batchSpans = 4
        }
        #expect(statistics.exported == 12 && statistics.retries == 0, "\(statistics)")
        #expect(requests.count == 3)
        #expect(Set(requests.map(\.peer)).count == 1)
        #expect(requests.flatMap { $0.spans.map(\.name) } == (0..<12).map { "span-\($0)" })
    }

    @Test("nobody there, and no such name")
    func unreachable() throws {
        for transport in OTLPConfiguration.Transport.allCases {
            var configuration = try quick("http://127.0.0.1:9", transport)
            configuration.timeoutMilliseconds = 1000
            let exporter = try OTLPExporter(configuration, logger: silent)
            exporter.export(try samples(1), resource: resource)
            #expect(!exporter.flush(milliseconds: Self.long, stop: false))
            #expect(exporter.statistics.lastFailure?.text.contains("refused") == true, "\(exporter.statistics)")
            var nowhere = try quick("http://collector.invalid:4318", transport)
            nowhere.timeoutMilliseconds = 1000
            let lost = try OTLPExporter(nowhere, logger: silent)
            lost.export(try samples(1), resource: resource)
            #expect(!lost.flush(milliseconds: Self.long, stop: true))
            #expect(lost.statistics.lastFailure?.text.hasPrefix("collector.invalid") == true, "\(lost.statistics)")
            #expect(lost.statistics.dropped == [.unsent: 1], "\(lost.statistics)")
        }
    }

    @Test(
        "gRPC: statuses that are tried again",
        arguments: ["CANCELLED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED"])
    func grpcRetries(status: String) throws {
        let (statistics, requests) = try outcome(#"[{"grpc": "\#(status)", "text": "nöt now"}]"#, .grpc)
        #expect(statistics.exported == 1 && statistics.retries == 1 && requests.count == 2, "\(statistics)")
    }

    @Test(
        "gRPC: statuses that are final",
        arguments: [("INVALID_ARGUMENT", 3), ("UNIMPLEMENTED", 12), ("RESOURCE_EXHAUSTED", 8), ("UNAUTHENTICATED", 16)])
    func grpcRefused(status: String, number: Int) throws {
        let (statistics, requests) = try outcome(#"[{"grpc": "\#(status)", "text": "nöt so"}]"#, .grpc)
        #expect(statistics.dropped == [.refused: 1] && requests.count == 1, "\(statistics)")
        #expect(statistics.lastFailure?.text == "gRPC status \(number): nöt so")
    }

    @Test("gRPC: RetryInfo says when, and makes RESOURCE_EXHAUSTED worth another attempt")
    func grpcRetryInfo() throws {
        let (statistics, requests) = try outcome(#"[{"grpc": "RESOURCE_EXHAUSTED", "retry": 700}]"#, .grpc)
        #expect(statistics.exported == 1, "\(statistics)")
        try #require(requests.count == 2)
        #expect(requests[1].time - requests[0].time >= 0.69)
    }

    @Test("HTTP on the port of gRPC and the reverse are failures with a reason")
    func wrongPort() throws {
        let receiver = try Receiver()
        for (transport, port) in [
            (OTLPConfiguration.Transport.grpc, receiver.port(.protobuf)), (.protobuf, receiver.port(.grpc)),
        ] {
            var configuration = try quick("http://127.0.0.1:\(port)", transport)
            configuration.timeoutMilliseconds = 200
            let exporter = try OTLPExporter(configuration, logger: silent)
            exporter.export(try samples(1), resource: resource)
            #expect(!exporter.flush(milliseconds: Self.long, stop: true))
            #expect(exporter.statistics.exported == 0)
            #expect(exporter.statistics.lastFailure != nil)
        }
    }

    @Test("headers of 100 KB go out") func longHeaders() throws {
        // aiohttp takes 8 KB; a refusal is an answer, too, and the exporter goes on.
        let (statistics, _) = try outcome("[]") {
            $0.headers = [.init("x-long", String(repeating: "x", count: 100_000))]
        }
        #expect(statistics.dropped == [.refused: 1] || statistics.waitingSpans == 1, "\(statistics)")
    }

    @Test("batches are split where a request would be too long, and a single span beyond that is dropped")
    func tooLarge() throws {
        let receiver = try Receiver()
        var configuration = try receiver.configuration()
        configuration.requestBytesMax = 20_000
        configuration.queueSpans = 100
        let exporter = try OTLPExporter(configuration, logger: silent)
        var spans = try samples(40)
        for index in spans.indices {
            spans[index].attributes = [
                Attribute("k", .string(String(repeating: "y", count: index == 7 ? 20_000 : 900)))
            ]
        }
        exporter.export(spans, resource: resource)
        #expect(exporter.flush(milliseconds: Self.long, stop: true))
        #expect(exporter.statistics.exported == 39 && exporter.statistics.dropped == [.tooLarge: 1])
        #expect(try receiver.names() == (0..<40).filter { $0 != 7 }.map { "span-\($0)" })
    }

    @Test("without a spool memory is bounded") func queue() throws {
        var configuration = try quick("http://127.0.0.1:9")
        configuration.queueSpans = 100
        configuration.batchSpans = 10
        let exporter = try OTLPExporter(configuration, logger: silent)
        for part in 0..<20 { exporter.export(try samples(10, "part\(part)"), resource: resource) }
        #expect(exporter.statistics.waitingSpans == 100 && exporter.statistics.dropped == [.queueFull: 100])
        let isOut = exporter.flush(milliseconds: 1, stop: true)
        #expect(!isOut)
    }
}
