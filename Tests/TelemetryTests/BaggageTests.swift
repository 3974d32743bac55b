import Testing

@testable import Telemetry

@Suite("Baggage")
struct BaggageTests {
    @Test(
        "lists are taken as they are, without blanks and without what is broken",
        arguments: [
            (["a=1"], "a=1"), (["a=1,b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), ([" a=1 ,\tb=2"], "a=1,b=2"),
            (["a=1;p=x;q, b=2"], "a=1;p=x;q,b=2"), (["a = 1 ; p = x"], "a = 1 ; p = x"), (["a="], "a="),
            (["a=b=c"], "a=b=c"), (["a=%20%C3%A9"], "a=%20%C3%A9"), (["a=1,,b=2,"], "a=1,b=2"),
            (["a=1,broken,b=2"], "a=1,b=2"), (["a=1,=x,b=2"], "a=1,b=2"), (["a=x y"], nil), (["a=\"x\""], nil),
            (["a=é"], nil), (["a b=1"], nil), (["a=1;;p"], nil), ([""], nil), ([], nil), ([","], nil),
        ] as [([String], String?)])
    func lists(values: [String], header: String?) { #expect(Baggage(values)?.header == header) }

    @Test("64 members of 8192 bytes are passed on whole, and what is beyond is left out in whole members")
    func limits() throws {
        // 64 members of 127 bytes and 63 commas are 8191.
        let members = (0..<64).map { "k\($0 + 10)=" + String(repeating: "v", count: 123) }
        let full = members.joined(separator: ",")
        #expect(full.utf8.count == 8191)
        #expect(Baggage([full])?.header == full)
        #expect(Baggage([full, "more=1"])?.header == full)
        #expect(Baggage([String(repeating: "a", count: 9000) + "=1,b=2"])?.header == "b=2")
        let long = try #require(Baggage([full.split(separator: ",").map { $0 + "vv" }.joined(separator: ",")]))
        #expect(long.header.utf8.count <= Baggage.bytesMax)
        #expect(long.members.allSatisfy { $0.utf8.count == 129 })
        // A hundred thousand members cost no more than 64.
        #expect(Baggage([String(repeating: "a=1,", count: 100_000)])?.members.count == 64)
    }

    @Test("values are read without their escapes; the last one counts")
    func values() throws {
        let baggage = try #require(Baggage(["user=%C3%A9%20x;p=1,a=1,a=2,broken=%zz"]))
        #expect(baggage["user"] == "é x")
        #expect(baggage["a"] == "2")
        #expect(baggage["broken"] == "%zz")
        #expect(baggage["nobody"] == nil)
    }

    @Test("the environment carries context and baggage, each without the other")
    func environment() throws {
        let given = ["PATH=/bin", "TRACEPARENT=\(TraceParentTests.valid)", "BAGGAGE=a=1, b=2", "baggage=c=3"]
        let carrier = EnvironmentCarrier(environment: given)
        #expect(carrier.context?.traceparent == TraceParentTests.valid)
        #expect(carrier.baggage?.header == "a=1,b=2")
        #expect(
            carrier.merged(into: given) == [
                "PATH=/bin", "baggage=c=3", "TRACEPARENT=\(TraceParentTests.valid)", "BAGGAGE=a=1,b=2",
            ])
        #expect(EnvironmentCarrier(environment: ["BAGGAGE=a=1"]).merged(into: []) == ["BAGGAGE=a=1"])
        #expect(EnvironmentCarrier(environment: ["BAGGAGE=a b"]).merged(into: []) == [])
    }

    @Test("outgoing requests carry the span and the current baggage")
    func outbound() throws {
        let context = try #require(TraceContext(traceparent: [TraceParentTests.valid], tracestate: ["foo=1"]))
        func headers() -> [String] { context.outboundHeaders.map { "\($0.name): \($0.value)" } }
        #expect(headers() == ["traceparent: \(TraceParentTests.valid)", "tracestate: foo=1"])
        Baggage.$current.withValue(Baggage(["a=1"])) {
            #expect(headers() == ["traceparent: \(TraceParentTests.valid)", "tracestate: foo=1", "baggage: a=1"])
        }
    }

    @Test("OTEL_PROPAGATORS=none: nothing is taken and nothing passed on")
    func none() async {
        // Settings of the whole process, hence a process of its own.
        await #expect(processExitsWith: .success) {
            var configuration = Telemetry.Configuration()
            configuration.propagation = []
            try Telemetry.configure(configuration)
            let environment = ["TRACEPARENT=\(TraceParentTests.valid)", "BAGGAGE=a=1"]
            precondition(EnvironmentCarrier(environment: environment) == EnvironmentCarrier(context: nil))
            let context = TraceContext(traceparent: [TraceParentTests.valid], tracestate: [])
            precondition(context?.outboundHeaders.isEmpty == true)
        }
    }
}
