import Kernel
import Synchronization
import Testing

@testable import Telemetry

@Suite("Export")
struct ExportTests {
    /// Keeps what it is given; may be held up.
    private final class Collector: SpanExporter {
        let names = Mutex<[String]>([])
        let batches = Mutex<[Int]>([])
        let gate = Mutex<Void>(())
        let exported: EventCounter

        init() throws { exported = try EventCounter() }

        func export(_ batch: [RecordedSpan], resource: Resource) {
            gate.withLock { _ in }
            names.withLock { $0 += batch.map(\.name) }
            batches.withLock { $0.append(batch.count) }
            exported.signal()
        }

        /// Returns as soon as something was exported.
        func wait(milliseconds: Int32) throws {
            let waiting = try Epoll()
            try waiting.add(exported.descriptor, .readable, token: 0)
            try waiting.wait(milliseconds: milliseconds) { _, _ in }
        }
    }

    /// Long enough for any machine.
    private static let patience: Int32 = 60_000

    private func ended(_ name: String) throws -> EndedSpan {
        let span = Telemetry.start(.process, name: name, parent: nil)
        span.end()
        return try #require(span.ended)
    }

    init() { #expect(Recording.isOn) }

    @Test("a flush hands over everything that ended before, in order and in batches")
    func flush() throws {
        let collector = try Collector()
        let pipeline = try ExportPipeline([collector], resource: Resource())
        let names = (0..<1200).map { "span\($0)" }
        for name in names { try pipeline.ended(ended(name)) }
        #expect(try pipeline.flush(milliseconds: Self.patience, stop: false))
        #expect(collector.names.withLock { $0 } == names)
        #expect(collector.batches.withLock { $0 }.allSatisfy { $0 <= ExportPipeline.batch })
        try pipeline.ended(ended("later"))
        #expect(try pipeline.flush(milliseconds: Self.patience, stop: true))
        #expect(collector.names.withLock { $0.last } == "later")
        // After the stop nothing is taken any more, and nobody waits in vain.
        try pipeline.ended(ended("too late"))
        #expect(try pipeline.flush(milliseconds: Self.patience, stop: true))
        #expect(collector.names.withLock { $0.last } == "later")
    }

    @Test("spans leave without a flush")
    func unaided() throws {
        let collector = try Collector()
        let pipeline = try ExportPipeline([collector], resource: Resource())
        try pipeline.ended(ended("alone"))
        try collector.wait(milliseconds: Self.patience)
        #expect(collector.names.withLock { $0 } == ["alone"])
        #expect(try pipeline.flush(milliseconds: Self.patience, stop: true))
    }

    @Test("a full ring drops what is new and counts it")
    func full() throws {
        var ring = ExportRing(capacity: 4)
        let spans = try (0..<6).map { try ended("span\($0)") }
        #expect(spans.map { ring.append($0) } == [true, true, true, true, false, false])
        #expect(ring.dropped == 2)
        #expect(ring.take(atMost: 3).map(\.recorded.name) == ["span0", "span1", "span2"])
        let isTaken = ring.append(spans[4])
        #expect(isTaken)
        #expect(ring.take(atMost: 10).map(\.recorded.name) == ["span3", "span4"])
        #expect(ring.take(atMost: 10).isEmpty)
    }

    @Test("a slow exporter holds nobody up")
    func slow() throws {
        let collector = try Collector()
        let pipeline = try ExportPipeline([collector], resource: Resource(), capacity: 8)
        let isOut = try collector.gate.withLock { _ in
            for number in 0..<100 { try pipeline.ended(ended("span\(number)")) }
            return try pipeline.flush(milliseconds: 1, stop: false)
        }
        #expect(!isOut)
        #expect(try pipeline.flush(milliseconds: Self.patience, stop: true))
        // At most a ringful was in the exporter's hands and a ringful waited.
        #expect(collector.names.withLock { $0.count } <= 16)
        #expect(collector.names.withLock { $0.count } + pipeline.dropped == 100)
    }

    @Test("an unsampled trace stays in memory and is passed on, but does not leave")
    func unsampled() throws {
        let parent = try #require(
            TraceContext(traceparent: [TraceParentTests.valid.dropLast(1) + "0"], tracestate: []))
        let span = Telemetry.start(.httpServer, parent: parent)
        #expect(!span.context.isSampled)
        #expect(span.context.traceID == parent.traceID)
        #expect(span.context.traceparent.hasSuffix("-00"))
        #expect(span.recorded.parentIsRemote)
        span.end()
        #expect(Telemetry.store.spans(trace: parent.traceID).contains { $0.context == span.context })
    }

    @Test("text lines: time, ids, name, duration, failure, attributes, and nothing that breaks a line")
    func textLine() throws {
        let span = try fixedSpan(
            "POST /containers", id: 2, parent: 1, start: 0, end: 2_310_000, status: .error("EPERM", "mount /x: no"),
            attributes: [
                Attribute("error.type", .string("EPERM")), Attribute("apron.path", .string("/a b\n\u{1B}[2J")),
                Attribute("n", .int(3)),
            ])
        #expect(
            TextLine.encode(span)
                == #"""
                2001-09-09T01:46:40.000000000Z 0af7651916cd43dd8448eb211c80319c/0000000000000002 \#
                "POST /containers" 2.31 ms EPERM "mount /x: no" parent=0000000000000001 \#
                apron.path="/a b\n\u001b[2J" n=3
                """#)
    }

    @Test(
        "calendar times",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_000_000_001, "2000-02-28T23:59:59.000000001Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000000Z"),
            (1_798_761_599_999_999_999, "2026-12-31T23:59:59.999999999Z"),
        ] as [(UInt64, String)])
    func calendar(nanoseconds: UInt64, text: String) {
        #expect(CalendarTime(unixTime: nanoseconds).description == text)
    }
}
