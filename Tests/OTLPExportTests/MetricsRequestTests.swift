import Testing

@testable import OTLPExport
@testable import Telemetry

/// Metrics as they leave by OTLP, read back field by field.
@Suite struct MetricsRequestTests {
    /// A message by its fields.
    private struct Message {
        var numbers: [UInt64: [UInt64]] = [:]
        var bytes: [UInt64: [ArraySlice<UInt8>]] = [:]

        init(_ bytes: ArraySlice<UInt8>) {
            var reader = ProtobufReader(bytes)
            while let field = reader.next() {
                switch field {
                case .number(let number, let value): numbers[number, default: []].append(value)
                case .bytes(let number, let value): self.bytes[number, default: []].append(value)
                }
            }
        }

        func messages(_ field: UInt64) -> [Message] { (bytes[field] ?? []).map(Message.init) }
        func message(_ field: UInt64) throws -> Message { try #require(messages(field).first) }
        func text(_ field: UInt64) -> String? { bytes[field]?.first.map { String(decoding: $0, as: UTF8.self) } }
        func double(_ field: UInt64) -> Double? { numbers[field]?.first.map { Double(bitPattern: $0) } }

        /// Key-value pairs whose values are text or whole numbers.
        func pairs(_ field: UInt64) throws -> [String: String] {
            var pairs: [String: String] = [:]
            for pair in messages(field) {
                let value = try pair.message(2)
                pairs[pair.text(1) ?? ""] = value.text(1) ?? value.numbers[3].map { "\($0[0])" }
            }
            return pairs
        }
    }

    private let registry = MetricRegistry()

    private func metrics() throws -> [String: Message] {
        let bytes = MetricsRequest.encode(registry.snapshot(), resource: Resource(serviceVersion: "1.2"))
        let resourceMetrics = try Message(bytes[...]).message(1)
        #expect(try resourceMetrics.message(1).pairs(1)["service.version"] == "1.2")
        #expect(resourceMetrics.text(3) == OTLPJSON.schemaURL)
        let scopeMetrics = try resourceMetrics.message(2)
        #expect(try scopeMetrics.message(1).text(1) == Resource.scopeName)
        return Dictionary(scopeMetrics.messages(2).map { ($0.text(1) ?? "", $0) }) { first, _ in first }
    }

    @Test func nothingIsNothing() {
        let nothing = MetricSnapshot(families: [], start: 1, time: 2)
        #expect(MetricsRequest.encode(nothing, resource: Resource()).isEmpty)
    }

    @Test func countersAreMonotonicCumulativeSums() throws {
        registry.count(.processExits, ["exit"], by: 3)
        let metric = try #require(try metrics()["apron.process.exits"])
        #expect(metric.text(2) == Metric.processExits.help)
        let sum = try metric.message(7)
        #expect(sum.numbers[2] == [2])
        #expect(sum.numbers[3] == [1])
        let point = try sum.message(1)
        #expect(point.double(4) == 3)
        #expect(try point.pairs(7) == ["reason": "exit"])
        let (start, end) = (try #require(point.numbers[2]?.first), try #require(point.numbers[3]?.first))
        #expect(0 < start && start <= end)
    }

    @Test func gaugesHaveTheirUnitAndNoStart() throws {
        registry.add { readings in
            readings.add(.diskBytes, ["used"], 4096)
            readings.add(.buildInfo, ["1.2"], 1)
        }
        let metrics = try metrics()
        let metric = try #require(metrics["apron.disk"])
        #expect(metric.text(3) == "By")
        let point = try metric.message(5).message(1)
        #expect(point.double(4) == 4096)
        #expect(point.numbers[2] == nil)
        #expect(metrics.keys.allSatisfy { !$0.contains("info") })
    }

    @Test func histogramsHaveBucketsAndExemplars() throws {
        let exemplar = MetricExemplar(
            traceID: try #require(TraceID("0af7651916cd43dd8448eb211c80319c")),
            spanID: try #require(SpanID(0xb7ad_6b71_6920_3331)), value: 0.3, time: 17)
        registry.observe(.httpServerDuration, ["GET", "", "404"], 0.3, exemplar: exemplar)
        registry.observe(.httpServerDuration, ["GET", "", "404"], 100)
        let metric = try #require(try metrics()["http.server.request.duration"])
        #expect(metric.text(3) == "s")
        let histogram = try metric.message(9)
        #expect(histogram.numbers[2] == [2])
        let point = try histogram.message(1)
        #expect(point.numbers[4] == [2])
        #expect(point.double(5) == 100.3)
        // An empty label is none, and the status is a number.
        #expect(try point.pairs(9) == ["http.request.method": "GET", "http.response.status_code": "404"])
        let bounds = Metric.Buckets.work.count
        #expect(point.bytes[6]?.first?.count == (bounds + 1) * 8)
        #expect(point.bytes[7]?.first?.count == bounds * 8)
        let sent = try point.message(8)
        #expect(sent.numbers[2] == [17])
        #expect(sent.double(3) == 0.3)
        #expect(sent.bytes[4]?.first.map(Array.init) == [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
        #expect(sent.bytes[5]?.first?.count == 16)
    }
}
