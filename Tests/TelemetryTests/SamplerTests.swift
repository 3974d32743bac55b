import Testing

@testable import Telemetry

@Suite("Samplers")
struct SamplerTests {
    /// Randomness at the very bottom and at the very top.
    private let low = TraceID("0af7651916cd43ddff00000000000001")
    private let high = TraceID("0af7651916cd43dd00ffffffffffffff")

    private func caller(_ flags: String, _ state: String = "") throws -> TraceContext {
        let parent = "00-\(TraceParentTests.trace)-\(TraceParentTests.span)-\(flags)"
        return try #require(TraceContext(traceparent: [parent], tracestate: [state]))
    }

    @Test("the six names in any case, and no other")
    func names() {
        #expect(Set(Sampler.names).count == 6)
        for name in Sampler.names {
            #expect(Sampler(name: name) != nil && Sampler(name: name.uppercased()) == Sampler(name: name))
        }
        #expect(Sampler(name: "parentbased_always_on") == Sampler(.always))
        #expect(Sampler(name: "traceidratio", ratio: 0.1) == Sampler(.ratio(0.1), followsParent: false))
        for name in ["", "always", "parentbased_", "jaeger_remote", "xray"] { #expect(Sampler(name: name) == nil) }
    }

    @Test("a ratio keeps the traces whose random bits reach its threshold, and says which it was")
    func ratio() throws {
        let low = try #require(low)
        let high = try #require(high)
        #expect(Sampler(.ratio(0.5)).decide(low) == .init(isSampled: false, state: ""))
        #expect(Sampler(.ratio(0.5)).decide(high) == .init(isSampled: true, state: "ot=th:8"))
        #expect(Sampler(.ratio(1)).decide(low) == .init(isSampled: true, state: "ot=th:0"))
        #expect(Sampler(.ratio(0)).decide(high) == .init(isSampled: false, state: ""))
        #expect(Sampler(.ratio(0.25)).decide(high).state == "ot=th:c")
        #expect(Sampler(.ratio(0.1)).decide(high).state == "ot=th:e6666666666668")
        #expect(!Sampler(.ratio(.nan)).decide(high).isSampled)
        #expect(Sampler(.always).decide(low) == .init(isSampled: true, state: ""))
        #expect(!Sampler(.never).decide(high).isSampled)
    }

    @Test("what one ratio keeps, every larger one keeps too, and the shares come out")
    func consistency() {
        let shares = [0.01, 0.1, 0.25, 0.5, 0.9]
        var kept = Array(repeating: 0, count: shares.count)
        let count = 20_000
        for _ in 0..<count {
            let trace = TraceID.random()
            let decisions = shares.map { Sampler(.ratio($0)).decide(trace).isSampled }
            for (index, isSampled) in decisions.enumerated() where isSampled { kept[index] += 1 }
            #expect(decisions == decisions.sorted { !$0 && $1 })
        }
        for (share, kept) in zip(shares, kept) {
            // Eight standard deviations: it fails by chance less than once in 10^14 runs.
            let deviation = (Double(count) * share * (1 - share)).squareRoot()
            #expect(abs(Double(kept) - Double(count) * share) < 8 * deviation)
        }
    }

    @Test("parent-based samplers follow the caller, the others do not")
    func parents() throws {
        let high = try #require(high)
        for choice: Sampler.Choice in [.always, .never, .ratio(0), .ratio(1)] {
            #expect(
                Sampler(choice).decide(high, caller: try caller("01", "a=1")) == .init(isSampled: true, state: "a=1"))
            #expect(
                Sampler(choice).decide(high, caller: try caller("02", "a=1")) == .init(isSampled: false, state: "a=1"))
        }
        #expect(Sampler(.always, followsParent: false).decide(high, caller: try caller("00")).isSampled)
        #expect(!Sampler(.never, followsParent: false).decide(high, caller: try caller("01")).isSampled)
    }

    @Test("an entry of the caller is rewritten: its threshold replaced, its randomness used, others kept in order")
    func entries() throws {
        let low = try #require(low)
        let high = try #require(high)
        let half = Sampler(.ratio(0.5), followsParent: false)
        let given = try caller("03", "a=1,ot=th:c;rv:ffffffffffffff;x:y,b=2")
        #expect(
            half.decide(low, caller: given) == .init(isSampled: true, state: "ot=th:8;rv:ffffffffffffff;x:y,a=1,b=2"))
        let unlucky = try caller("03", "ot=rv:00000000000000;th:c")
        #expect(half.decide(high, caller: unlucky) == .init(isSampled: false, state: "ot=rv:00000000000000"))
        // Randomness that is none is not believed.
        #expect(half.decide(low, caller: try caller("03", "ot=rv:ff")).isSampled == false)
    }
}
