import Testing

@testable import Telemetry

@Suite("OTLP JSON")
struct OTLPJSONTests {
    static let resource = Resource(
        serviceName: "apron", serviceVersion: "1.0", hostName: "host", processID: 7, workerName: "w1")

    private func encode(_ spans: [RecordedSpan]) -> String {
        String(decoding: OTLPJSON.encode(spans, resource: Self.resource), as: UTF8.self)
    }

    /// The text of the one span.
    private func encodeOne(_ span: RecordedSpan) throws -> String {
        let text = encode([span])
        let start = try #require(text.firstRange(of: #""spans":["#)?.upperBound)
        let end = try #require(text.firstRange(of: #"],"schemaUrl""#)?.lowerBound)
        return String(text[start..<end])
    }

    @Test("the envelope: resource, scope, schema, one line")
    func envelope() throws {
        let text = encode([try fixedSpan("a", id: 1, start: 1, end: 2)])
        #expect(
            text.hasPrefix(
                #"""
                {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"apron"}},\#
                {"key":"service.version","value":{"stringValue":"1.0"}},\#
                {"key":"host.name","value":{"stringValue":"host"}},{"key":"process.pid","value":{"intValue":"7"}},\#
                {"key":"cicd.worker.name","value":{"stringValue":"w1"}},\#
                {"key":"cicd.worker.id","value":{"stringValue":"w1"}},\#
                {"key":"container.runtime.name","value":{"stringValue":"apron"}}]},\#
                "scopeSpans":[{"scope":{"name":"apron"},"spans":[{
                """#))
        #expect(text.hasSuffix(#""schemaUrl":"https://opentelemetry.io/schemas/1.44.0"}]}"#))
        #expect(!text.contains("\n"))
        #expect(encode([]) == #"{"resourceSpans":[]}"#)
    }

    @Test("a root, with every type of value, empty ones written")
    func root() throws {
        let span = try fixedSpan(
            "a \"b\"\n", id: 0xb7ad_6b71_6920_3331, start: 1, end: 2,
            attributes: [
                Attribute("i", .int(0)), Attribute("d", .double(1.5)), Attribute("n", .double(.nan)),
                Attribute("b", .bool(false)), Attribute("s", .string("")), Attribute("l", .strings(["x", "\u{1}"])),
                Attribute("empty", .strings([])), Attribute("min", .int(.min)),
            ])
        #expect(
            try encodeOne(span)
                == #"""
                {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","flags":259,\#
                "name":"a \"b\"\n","kind":1,"startTimeUnixNano":"1000000000000000001",\#
                "endTimeUnixNano":"1000000000000000002","attributes":[{"key":"i","value":{"intValue":"0"}},\#
                {"key":"d","value":{"doubleValue":1.5}},{"key":"n","value":{"doubleValue":"NaN"}},\#
                {"key":"b","value":{"boolValue":false}},{"key":"s","value":{"stringValue":""}},\#
                {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{"stringValue":"\u0001"}]}}},\#
                {"key":"empty","value":{"arrayValue":{"values":[]}}},\#
                {"key":"min","value":{"intValue":"-9223372036854775808"}}],"status":{}}
                """#)
    }

    @Test("a child with events, links, failure and losses; remote parents have flag 0x200")
    func child() throws {
        var span = try fixedSpan(
            "c", id: 2, parent: 1, start: 1, end: 2, status: .error("EPERM", "mount: no"), phase: .childMounts,
            parentIsRemote: true)
        span.handle = "h1"
        span.kind = .server
        span.droppedAttributes = 3
        span.events = [RecordedSpan.Event(time: 5, name: "retry", attributes: [Attribute("attempt", .int(2))])]
        span.links = [
            Link(TraceContext(traceID: span.context.traceID, spanID: try #require(SpanID(9)), isRemote: true))
        ]
        let text = try encodeOne(span)
        #expect(text.contains(#""spanId":"0000000000000002","parentSpanId":"0000000000000001","flags":771,"#))
        #expect(text.contains(#""kind":2,"#))
        #expect(text.contains(#"{"key":"apron.phase","value":{"stringValue":"child.mounts"}}"#))
        #expect(text.contains(#"{"key":"container.id","value":{"stringValue":"h1"}}"#))
        #expect(text.contains(#""droppedAttributesCount":3,"#))
        #expect(
            text.contains(
                #"""
                "events":[{"timeUnixNano":"1000000000000000005","name":"retry",\#
                "attributes":[{"key":"attempt","value":{"intValue":"2"}}]}]
                """#))
        #expect(
            text.contains(
                #"""
                "links":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000009","attributes":[],\#
                "flags":771}]
                """#))
        #expect(text.contains(#""status":{"message":"mount: no","code":2}"#))
    }

    @Test("an open span has no end and says so")
    func unfinished() throws {
        let text = try encodeOne(try fixedSpan("c", id: 2, start: 1, end: nil, status: .ok))
        #expect(!text.contains("endTimeUnixNano"))
        #expect(text.contains(#"{"key":"apron.unfinished","value":{"boolValue":true}}"#))
        #expect(text.contains(#""status":{"code":1}"#))
    }
}
