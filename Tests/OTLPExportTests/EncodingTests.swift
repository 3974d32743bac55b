import Foundation
import Kernel
import Telemetry
import Testing

@testable import OTLPExport

/// What the reference decoder makes of what we send.
@Suite(.serialized) struct EncodingTests {
    private let resource = Resource(serviceName: "apron", hostName: "hoſt")

    /// What is expected of ``fullSample()``.
    private var expected: Receiver.Span {
        get throws {
            var span = Receiver.Span()
            let schema = "https://opentelemetry.io/schemas/1.44.0"
            span.schema = [schema, schema]
            span.traceID = "0af7651916cd43dd8448eb211c80319c"
            span.spanID = "b7ad6b7169203331"
            span.parent = "0000000000000001"
            span.state = "a=b,c=d"
            span.name = "POST /containers"
            span.kind = 2
            span.flags = 0x303
            span.start = "1000000000000000005"
            span.end = "1000000001000000005"
            span.attributes = [
                ["text", #"{"string_value": "\u00e4\u0000\n\"\\\ud83d\ude00"}"#], ["empty", #"{"string_value": ""}"#],
                ["long", #"{"string_value": "\#(String(repeating: "x", count: 4000))"}"#],
                ["int", #"{"int_value": -9223372036854775808}"#], ["zero", #"{"int_value": 0}"#],
                ["yes", #"{"bool_value": true}"#], ["no", #"{"bool_value": false}"#],
                ["double", #"{"double_value": -0.5}"#], ["nought", #"{"double_value": 0.0}"#],
                ["list", #"[{"string_value": "a"}, {"string_value": ""}]"#], ["none", "[]"],
            ]
            span.dropped = [3, 200, 70_000]
            span.events = [["1000000000000000007", "oom_kill", #"[["n", "{\"int_value\": 1}"]]"#]]
            span.links = [
                [
                    span.traceID, "0000000000000007", "x=y", "\(0x303)",
                    #"[["apron.link.type", "{\"string_value\": \"created_by\"}"]]"#,
                ]
            ]
            span.status = ["2", "mount /x: operation not permitted (EPERM)"]
            return span
        }
    }

    @Test("the reference decoder finds in every form what was sent")
    func allForms() throws {
        let receiver = try Receiver()
        var plain = Receiver.Span()
        plain.traceID = try expected.traceID
        plain.spanID = "0000000000000002"
        plain.name = "plain"
        plain.start = try expected.start
        plain.end = try expected.end
        plain.schema = try expected.schema
        for transport in OTLPConfiguration.Transport.allCases {
            for compression in OTLPConfiguration.Compression.allCases {
                let before = try receiver.requests().count
                var configuration = try receiver.configuration(transport)
                configuration.compression = compression
                configuration.headers = [.init("X-Token", "s3cret")]
                configuration.userAgent = "apron/1.2"
                let exporter = try OTLPExporter(configuration, logger: silent)
                exporter.export([try fullSample(), try sample("plain")], resource: resource)
                let isOut = exporter.flush(milliseconds: 60_000, stop: true)
                let said = "\(transport) \(compression): \(exporter.statistics)"
                #expect(isOut, "\(said)")
                #expect(exporter.statistics.exported == 2, "\(said)")
                let requests = try receiver.requests()
                try #require(requests.count == before + 1, "\(said)")
                let request = requests[before]
                #expect(
                    request.spans.allSatisfy { $0.resource.first == ["service.name", #"{"string_value": "apron"}"#] })
                let spans = request.spans.map { span in
                    var span = span
                    span.resource = []
                    return span
                }
                #expect(spans == [try expected, plain], "\(said)")
                #expect(request.header("x-token") == "s3cret")
                #expect(request.header("user-agent")?.hasPrefix("apron/1.2") == true)
                if transport != .grpc {
                    #expect(request.path == "/v1/traces")
                    #expect(request.header("content-encoding") == (compression == .gzip ? "gzip" : nil))
                }
            }
        }
    }

    @Test("512 spans of all lengths, around the places where a length takes one byte more")
    func lengths() throws {
        let receiver = try Receiver()
        let exporter = try OTLPExporter(try receiver.configuration(), logger: silent)
        let spans = try (0..<512).map { number in
            var span = try sample("n", id: UInt64(number) + 1)
            span.attributes = [Attribute("k", .string(String(repeating: "y", count: number * 40)))]
            span.status = .error("E", String(repeating: "z", count: number))
            return span
        }
        exporter.export(spans, resource: resource)
        #expect(exporter.flush(milliseconds: 60_000, stop: true))
        let got = try receiver.requests().flatMap(\.spans)
        #expect(got.map(\.spanID) == spans.map(\.context.spanID.description))
        #expect(got.enumerated().allSatisfy { $1.status[1].count == $0 })
        #expect(got.enumerated().allSatisfy { $1.attributes[0][1].count == $0 * 40 + #"{"string_value": ""}"#.count })
    }

    @Test("no spans, no envelope") func empty() {
        #expect(TraceRequest.encode([], resource: resource).isEmpty)
    }

    @Test("a request is good up to where it was cut, and its spans are counted", arguments: BodyFormat.allCases)
    func check(format: BodyFormat) throws {
        let first = format.encode(try samples(3)[...], resource: resource)
        let both = first + format.encode(try [fullSample()][...], resource: resource)
        #expect(format.check(both) == (both.count, 4))
        #expect(format.check([]) == (0, 0))
        for cut in stride(from: 0, to: both.count, by: 7) {
            let expected = cut >= first.count ? (first.count, 3) : (0, 0)
            #expect(format.check(Array(both.prefix(cut))) == expected, "cut to \(cut)")
        }
        // Anything may have come of a damaged file; it must not bring us down.
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var damaged = both
            damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(in: 0...255, using: &generator)
            #expect(format.check(damaged).bytes <= both.count)
        }
    }
}
