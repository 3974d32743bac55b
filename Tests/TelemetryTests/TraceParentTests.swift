import Testing

@testable import Telemetry

@Suite("traceparent")
struct TraceParentTests {
    static let trace = "0af7651916cd43dd8448eb211c80319c"
    static let span = "b7ad6b7169203331"
    static let valid = "00-\(trace)-\(span)-01"

    @Test(
        "accepted values",
        arguments: [
            (valid, "01"),
            ("00-\(trace)-\(span)-00", "00"),
            ("00-\(trace)-\(span)-03", "03"),
            (" \(valid)", "01"),
            ("\t \(valid) \t", "01"),
            // Unknown flags are read past and not sent on.
            ("00-\(trace)-\(span)-ff", "03"),
            ("00-\(trace)-\(span)-09", "01"),
            // Later versions: the four known fields, whatever follows after a dash.
            ("cc-\(trace)-\(span)-01", "01"),
            ("cc-\(trace)-\(span)-01-what-the-future-will-be-like", "01"),
            ("cc-\(trace)-\(span)-01-", "01"),
            ("01-\(trace)-\(span)-02", "02"),
        ])
    func accepts(value: String, flags: String) throws {
        let context = try #require(TraceContext(traceparent: [value], tracestate: []))
        #expect(context.traceparent == "00-\(Self.trace)-\(Self.span)-\(flags)")
        #expect(context.isRemote)
    }

    @Test(
        "refused values",
        arguments: [
            "",
            " ",
            "\(valid).",
            "\(valid)-",
            "\(valid)-what-the-future-will-be-like",
            "\(valid),\(valid)",
            "ff-\(trace)-\(span)-01",
            "cc-\(trace)-\(span)-01.what-the-future-will-be-like",
            "cc-\(trace)-\(span)-010",
            ".0-\(trace)-\(span)-01",
            "0.-\(trace)-\(span)-01",
            "0-\(trace)-\(span)-01",
            "000-\(trace)-\(span)-01",
            "0000-\(trace)-\(span)-01",
            "CC-\(trace)-\(span)-01",
            "00-\(trace.uppercased())-\(span)-01",
            "00-\(trace)-\(span.uppercased())-01",
            "00-\(trace)-\(span)-0A",
            "00-00000000000000000000000000000000-\(span)-01",
            "00-\(trace)-0000000000000000-01",
            "00-.\(trace.dropFirst())-\(span)-01",
            "00-\(trace.dropLast()).-\(span)-01",
            "00-\(trace)-.\(span.dropFirst())-01",
            "00-\(trace)-\(span)-.0",
            "00-\(trace)-\(span)-0.",
            "00-\(trace)-\(span)-1",
            "00-\(trace)-\(span)-001",
            "00-\(trace)0-\(span)-01",
            "00-\(trace.dropLast())-\(span)-01",
            "00-\(trace)-\(span)0-01",
            "00-\(trace)-\(span.dropLast())-01",
            "00_\(trace)_\(span)_01",
            "00-\(trace)-\(span)",
            "é0-\(trace)-\(span)-01",
        ])
    func refuses(value: String) {
        #expect(TraceContext(traceparent: [value], tracestate: []) == nil)
    }

    @Test("two headers are invalid, also when they agree")
    func twoHeaders() {
        #expect(TraceContext(traceparent: [Self.valid, Self.valid], tracestate: []) == nil)
        #expect(TraceContext(traceparent: [], tracestate: []) == nil)
    }

    @Test("an invalid traceparent leaves tracestate unread; an invalid tracestate does not hurt traceparent")
    func independence() throws {
        #expect(TraceContext(traceparent: ["\(Self.valid)."], tracestate: ["foo=1"]) == nil)
        let context = try #require(TraceContext(traceparent: [Self.valid], tracestate: ["FOO=1"]))
        #expect(context.state == "")
        #expect(context.tracestate == nil)
        let both = try #require(TraceContext(traceparent: [Self.valid], tracestate: ["foo=1", "bar=2"]))
        #expect(both.tracestate == "foo=1,bar=2")
    }

    @Test("ids of our own are valid, differ, and random in the bits that the random flag speaks of")
    func ownIDs() {
        let traces = Set((0..<1000).map { _ in TraceID.random() })
        #expect(traces.count == 1000)
        #expect(traces.reduce(0) { $0 | $1.low } & 0xFF_FFFF_FFFF_FFFF == 0xFF_FFFF_FFFF_FFFF)
        let spans = Set((0..<10_000).map { _ in SpanID.random() })
        #expect(spans.count == 10_000)
        for trace in traces { #expect(TraceID(trace.description) == trace) }
        for span in spans.prefix(100) { #expect(SpanID(span.description) == span) }
    }
}
