import Kernel
import Testing

@testable import Telemetry

@Suite("Limits of spans")
struct LimitTests {
    @Test("configured limits are in force, and what is dropped is counted")
    func configured() async {
        // Limits of the whole process, hence a process of its own.
        await #expect(processExitsWith: .success) {
            var configuration = Telemetry.Configuration()
            configuration.limits.attributes = 2
            configuration.limits.events = 1
            configuration.limits.links = 1
            configuration.limits.attributesPerEvent = 1
            configuration.limits.attributesPerLink = 0
            configuration.limits.valueBytes = 4
            try Telemetry.configure(configuration)
            let span = Telemetry.start(.process, parent: nil)
            let many = ["a", "b", "c"].map { Attribute(AttributeKey(composed: $0), .string("äöü")) }
            span.set(many)
            for name in ["e", "f"] { span.event(name, attributes: many) }
            for _ in 0..<3 { span.link(Link(span.context, type: "process", attributes: many)) }
            span.end()
            let recorded = span.recorded
            precondition(recorded.attributes.map(\.value) == [.string("äö"), .string("äö")])
            precondition(recorded.droppedAttributes == 1)
            precondition(recorded.events.map(\.attributes.count) == [1] && recorded.droppedEvents == 1)
            precondition(recorded.links.map(\.attributes.count) == [0] && recorded.droppedLinks == 2)
        }
    }

    @Test("off: nothing is recorded, and the caller's context goes on unchanged")
    func off() async {
        await #expect(processExitsWith: .success) {
            var configuration = Telemetry.Configuration()
            configuration.recordsSpans = false
            try Telemetry.configure(configuration)
            let caller = TraceContext(traceparent: [TraceParentTests.valid], tracestate: ["foo=1"])
            let span = Telemetry.start(.httpServer, parent: caller)
            span.end()
            precondition(!span.isRecording && span.context == caller)
            precondition(!Telemetry.start(.httpServer, parent: nil).context.isSampled)
            precondition(Telemetry.store.usage.spans == 0)
        }
    }

    @Test("a sampler that drops: recorded in memory, passed on unsampled under a span id of its own, never exported")
    func dropped() async {
        await #expect(processExitsWith: .success) {
            var configuration = Telemetry.Configuration()
            configuration.sampler = Sampler(.never, followsParent: false)
            try Telemetry.configure(configuration)
            guard let caller = TraceContext(traceparent: [TraceParentTests.valid], tracestate: ["foo=1"]) else {
                preconditionFailure("the example is invalid")
            }
            let span = Telemetry.start(.httpServer, parent: caller)
            precondition(span.context.traceID == caller.traceID && span.context.spanID != caller.spanID)
            precondition(span.context.traceparent.hasSuffix("-00") && span.context.tracestate == "foo=1")
            let child = Telemetry.start(.process, parent: span.context)
            precondition(!child.context.isSampled && child.recorded.parentID == span.context.spanID)
        }
    }

    @Test("hostile attribute values are cut at whole characters and leave as valid text")
    func hostile() throws {
        let span = Telemetry.start(.process, parent: nil)
        span.set("huge", String(repeating: "🛬", count: 1_000_000))
        span.set("control", "a\u{0}\u{1B}[2J\n\u{7F}\u{2028}\"\\")
        span.set("list", Array(repeating: String(repeating: "x", count: 100_000), count: 1000))
        span.set("broken", String(decoding: [0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80] as [UInt8], as: UTF8.self))
        for number in 0..<100_000 { span.set(AttributeKey(composed: "k\(number)"), number) }
        span.end()
        let recorded = span.recorded
        #expect(recorded.attributes.count == 128 && recorded.droppedAttributes == 100_004 - 128)
        guard case .string(let huge) = recorded["huge"], case .strings(let list) = recorded["list"] else {
            Issue.record("an attribute changed its type")
            return
        }
        #expect(huge.utf8.count == 16_384 && huge.allSatisfy { $0 == "🛬" })
        #expect(list.count == 128 && list.allSatisfy { $0.utf8.count <= 16_384 })
        let json = OTLPJSON.encode([recorded], resource: Resource())
        #expect(json.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        #expect(String(validating: json, as: UTF8.self) != nil)
        #expect(!TextLine.encode(recorded).utf8.contains { $0 < 0x20 || $0 == 0x7F })
    }
}
