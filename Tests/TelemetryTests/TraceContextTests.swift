import Testing

@testable import Telemetry

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Trace context")
struct TraceContextTests {
    @Test("environment: the three names, upper case only")
    func environment() throws {
        let carrier = EnvironmentCarrier(environment: [
            "PATH=/bin", "TRACEPARENT=\(TraceParentTests.valid)", "TRACESTATE=foo=1", "BAGGAGE=user=42;x=y",
            "TRACEPARENTS=no",
        ])
        #expect(carrier.context?.traceparent == TraceParentTests.valid)
        #expect(carrier.context?.tracestate == "foo=1")
        #expect(carrier.baggage?.header == "user=42;x=y")
        let lower = EnvironmentCarrier(environment: ["traceparent=\(TraceParentTests.valid)", "tracestate=foo=1"])
        #expect(lower == EnvironmentCarrier(context: nil))
        let invalid = EnvironmentCarrier(environment: ["TRACEPARENT=00-", "TRACESTATE=foo=1"])
        #expect(invalid == EnvironmentCarrier(context: nil))
    }

    @Test("environment: what was there is replaced, the rest stays in order")
    func merging() throws {
        let context = try #require(TraceContext(traceparent: [TraceParentTests.valid], tracestate: ["foo=1"]))
        let merged = EnvironmentCarrier(context: context, baggage: Baggage(["a=b"])).merged(into: [
            "A=1", "TRACEPARENT=old", "TRACESTATE=old", "B=2",
        ])
        #expect(
            merged == ["A=1", "B=2", "TRACEPARENT=\(TraceParentTests.valid)", "TRACESTATE=foo=1", "BAGGAGE=a=b"])
        #expect(
            EnvironmentCarrier(environment: merged) == EnvironmentCarrier(context: context, baggage: Baggage(["a=b"])))
    }

    @Test("environment: baggage that nobody has to carry is dropped whole")
    func longBaggage() {
        let carrier = EnvironmentCarrier(environment: ["BAGGAGE=" + String(repeating: "x", count: 8193)])
        #expect(carrier.baggage == nil)
    }

    @Test("JSON: out and back, and an invalid context is an error")
    func json() throws {
        let context = try #require(TraceContext(traceparent: [TraceParentTests.valid], tracestate: ["foo=1"]))
        let data = try JSONEncoder().encode(context)
        #expect(try JSONDecoder().decode(TraceContext.self, from: data) == context)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(TraceContext.self, from: Data(#"{"traceparent":"00-x"}"#.utf8))
        }
    }
}
