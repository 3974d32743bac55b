import Testing

@testable import Telemetry

@Suite("Several attributes at once")
struct AttributeListTests {
    init() { #expect(Recording.isOn) }

    @Test("they replace what was set before, in the order in which keys came first")
    func merging() {
        let span = Telemetry.start(.process, parent: nil)
        defer { span.end() }
        span.set {
            $0.set("a", 1)
            $0.set("b", "two")
            $0.set("a", 3)
            $0.set("none", Int?.none)
        }
        #expect(span.recorded.attributes == [Attribute("a", .int(3)), Attribute("b", .string("two"))])
        span.set {
            $0.set("c", true)
            $0.set("b", 4.5)
        }
        #expect(
            span.recorded.attributes == [
                Attribute("a", .int(3)), Attribute("b", .double(4.5)), Attribute("c", .bool(true)),
            ])
    }

    @Test("the limits hold for all together")
    func limits() {
        let span = Telemetry.start(.process, parent: nil)
        defer { span.end() }
        let text = String(repeating: "x", count: SpanLimits.valueBytes + 1)
        for part in 0..<2 {
            span.set { list in
                for number in 0..<SpanLimits.attributes {
                    list.set(AttributeKey(composed: "key.\(part).\(number)"), text)
                }
            }
        }
        let recorded = span.recorded
        #expect(recorded.attributes.count == SpanLimits.attributes)
        #expect(recorded.droppedAttributes == SpanLimits.attributes)
        #expect(recorded["key.0.0"] == .string(String(text.dropLast())))
    }

    @Test("nothing is computed when the span records nothing, nor kept when it is over")
    func unrecorded() {
        let nothing = Telemetry.unrecorded(.process, in: nil)
        nothing.set { _ in Issue.record("computed") }
        PhaseSpan(nil).set { _ in Issue.record("computed") }
        let span = Telemetry.start(.process, parent: nil)
        span.end()
        span.set { $0.set("late", 1) }
        #expect(span.recorded.attributes.isEmpty)
    }
}
