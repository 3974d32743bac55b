import Kernel
import Testing

@testable import Telemetry

/// A calendar that is corrected while spans are open.
@Suite("Clock steps")
struct ClockStepTests {
    init() { #expect(Recording.isOn) }

    @Test("no correction of the calendar makes a duration negative, or takes a child out of its parent")
    func steps() throws {
        let hour: UInt64 = 3_600_000_000_000
        let now = ClockAnchor.current
        for anchor in [now, ClockAnchor(offset: now.offset &- hour), ClockAnchor(offset: now.offset &+ hour)] {
            // The anchor of a request is that of its first span, whatever the calendar does afterwards.
            let scope = TraceScope(TraceID.random(), store: SpanStore(), anchor: anchor)
            let root = TraceContext(spanID: SpanID.random(), flags: .sampled, scope: scope, depth: 0)
            let parent = Telemetry.start(.containerCreate, parent: root)
            let child = Telemetry.start(.cgroupCreate, parent: parent.context)
            ClockAnchor.renew()
            child.event("retry")
            child.end()
            parent.end()
            let (outer, inner) = (parent.recorded, child.recorded)
            #expect(outer.anchor == anchor && inner.anchor == anchor)
            let begin = outer.anchor.unixTime(outer.start)
            let end = outer.anchor.unixTime(try #require(outer.end))
            let innerEnd = inner.anchor.unixTime(try #require(inner.end))
            let event = inner.anchor.unixTime(try #require(inner.events.first).time)
            let instants = [begin, inner.anchor.unixTime(inner.start), event, innerEnd, end]
            #expect(instants == instants.sorted())
        }
    }

    @Test("an end before the begin is taken for the begin")
    func backwards() {
        let span = Telemetry.start(.process, parent: nil)
        span.end(at: span.start - 1_000_000)
        #expect(span.recorded.duration == 0)
    }
}
