import Testing

@testable import Telemetry

@Suite("tracestate")
struct TraceStateTests {
    static let members32 = (1...32).map { "bar\($0)=\($0)" }

    @Test(
        "accepted lists",
        arguments: [
            (["foo=1"], "foo=1"),
            (["foo=1,bar=2"], "foo=1,bar=2"),
            (["foo=1", "bar=2"], "foo=1,bar=2"),
            (["foo=1", "", "bar=2"], "foo=1,bar=2"),
            (["foo=1,"], "foo=1"),
            ([",foo=1,,bar=2"], "foo=1,bar=2"),
            ([""], ""),
            ([], ""),
            ([" foo=1"], "foo=1"),
            (["foo=1 \t,\t bar=2 "], "foo=1,bar=2"),
            (["foo=\t"], nil),
            (["foo= 1"], "foo= 1"),
            (["foo=1 2"], "foo=1 2"),
            (["0a=1"], "0a=1"),
            (["a-_*/b=1"], "a-_*/b=1"),
            (["fw529a3039@dt=FfAu"], "fw529a3039@dt=FfAu"),
            (["a@b@c=1"], "a@b@c=1"),
            (["foo=!\"#$%&'()*+-./0;<>?@[\\]^_`{|}~"], "foo=!\"#$%&'()*+-./0;<>?@[\\]^_`{|}~"),
            // Either of two members with one key may stay; the left one is the younger.
            (["foo=1,foo=2,bar=3"], "foo=1,bar=3"),
            ([members32.joined(separator: ",")], members32.joined(separator: ",")),
            (["\(String(repeating: "a", count: 256))=1"], "\(String(repeating: "a", count: 256))=1"),
            (["a=\(String(repeating: "v", count: 256))"], "a=\(String(repeating: "v", count: 256))"),
        ] as [([String], String?)])
    func accepts(values: [String], header: String?) {
        #expect(TraceState(values)?.header == header)
    }

    @Test(
        "one bad member discards the whole list",
        arguments: [
            "FOO=1", "foo.bar=1", "foo =1", "@foo=1", "_foo=1", "foo", "foo=", "=1", "foo=a=b", "foo=é", "foo=\u{7F}",
            "\(String(repeating: "a", count: 257))=1", "a=\(String(repeating: "v", count: 257))",
            "good=1,Bad=2", "\(members32.joined(separator: ",")),one=more",
        ])
    func refuses(value: String) {
        #expect(TraceState([value]) == nil)
    }

    @Test("33 members over two headers are too many")
    func tooManyOverHeaders() {
        #expect(TraceState([Self.members32.joined(separator: ","), "one=more"]) == nil)
    }

    @Test("512 characters are passed on whole")
    func passesOn() throws {
        // 31 members of 15 characters with their commas, and one that fills up.
        let members =
            (0..<31).map { "m\($0 + 10)=\(String(repeating: "x", count: 11))" } + [
                "z=\(String(repeating: "y", count: 14))"
            ]
        let header = members.joined(separator: ",")
        #expect(header.count == 512)
        let context = try #require(TraceContext(traceparent: [TraceParentTests.valid], tracestate: [header]))
        #expect(context.tracestate == header)
    }

    @Test("a list that is too long loses long members first, then members from the right, always whole")
    func cuts() throws {
        let long = "long=\(String(repeating: "l", count: 130))"
        let short = (10..<42).map { "s\($0)=\(String(repeating: "s", count: 12))" }
        let state = try #require(TraceState([([short[0], long] + short[1..<31]).joined(separator: ",")]))
        // 31 short members take 31 * 16 + 30 = 526 characters.
        #expect(state.header(atMost: 700) == state.header)
        #expect(state.header(atMost: 600) == short[0..<31].joined(separator: ","))
        #expect(state.header(atMost: 512) == short[0..<30].joined(separator: ","))
        #expect(state.header(atMost: 10) == "")
    }
}
