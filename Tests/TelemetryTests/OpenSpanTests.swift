import Kernel
import Testing

@testable import Telemetry

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Open spans")
struct OpenSpanTests {
    init() { #expect(Recording.isOn) }

    @Test("what comes after the end is ignored, a second end too")
    func afterEnd() {
        let span = Telemetry.start(.process, parent: nil)
        #expect(span.recorded.isUnfinished)
        span.end()
        let first = span.recorded
        span.set("late", 1)
        span.event("late")
        span.link(Link(span.context))
        span.status(.ok)
        span.rename("late")
        span.end(at: bootTime() + 1000)
        #expect(span.recorded == first)
    }

    @Test("ok beats a later error; an error stays until somebody vouches")
    func status() {
        let span = Telemetry.start(.process, parent: nil)
        span.status(.error("EPERM", "first"))
        span.status(.unset)
        #expect(span.recorded.status == .error("EPERM", "first"))
        span.status(.error("EIO", "second"))
        #expect(span.recorded.status == .error("EIO", "second"))
        span.status(.ok)
        span.status(.error("EIO", "third"))
        span.fail(KernelError(call: "open", errno: .noEntry))
        #expect(span.recorded.status == .ok)
        #expect(span.recorded["apron.syscall"] == nil)
    }

    @Test("attributes, events and links are limited and what is dropped is counted")
    func limits() {
        let span = Telemetry.start(.process, parent: nil)
        for number in 0..<130 {
            span.set(AttributeKey(composed: "key\(number)"), number)
            span.event("event")
            span.link(Link(span.context))
        }
        span.set("key0", "replaced although it is full")
        span.set(AttributeKey(composed: "key1"), String(repeating: "é", count: 20_000))
        let recorded = span.recorded
        #expect(recorded.attributes.count == 128)
        #expect(recorded.droppedAttributes == 2)
        #expect(recorded.events.count == 128)
        #expect(recorded.droppedEvents == 2)
        #expect(recorded.links.count == 128)
        #expect(recorded.droppedLinks == 2)
        #expect(recorded["key0"] == .string("replaced although it is full"))
        #expect(recorded["key1"] == .string(String(repeating: "é", count: 8192)))
    }

    @Test("an end before the begin becomes the begin")
    func clamped() {
        let span = Telemetry.start(.process, parent: nil, start: 5000)
        span.end(at: 4000)
        #expect(span.recorded.end == 5000)
    }

    @Test("back-dated spans have the instants given")
    func backDated() throws {
        let spans = Recording.spans { root in
            let group = Telemetry.record(
                .childMounts, parent: root.context, start: 1000, end: 3000,
                attributes: [("apron.step.mount.us", .int(3))], status: .error("EPERM", "mount /x: no"))
            Telemetry.record(.childRoot, name: "pivot_root", parent: group, start: 2000, end: 3000)
        }
        let group = try #require(spans["child.mounts"])
        #expect(group.start == 1000 && group.end == 3000)
        #expect(group["apron.step.mount.us"] == .int(3))
        #expect(group["error.type"] == .string("EPERM"))
        #expect(spans["pivot_root"]?.parentID == group.context.spanID)
        #expect(spans["pivot_root"]?.phase == .childRoot)
    }

    @Test("an open span survives on disk and ends under the same id")
    func reopened() throws {
        let creator = Telemetry.start(.containerCreate, parent: nil)
        let handle = "reopened-\(creator.context.spanID)"
        let span = Telemetry.start(
            .process, parent: creator.context, links: [Link(creator.context, type: "started_by")], handle: handle,
            attributes: [Attribute("process.pid", .int(42))])
        span.event("signal_sent")
        let data = try JSONEncoder().encode(span.stored)
        let again = Telemetry.reopen(try JSONDecoder().decode(StoredSpan.self, from: data))
        #expect(again.context == span.context)
        again.end()
        let recorded = again.recorded
        #expect(recorded.start == span.start)
        #expect(recorded.parentID == creator.context.spanID)
        #expect(recorded.handle == handle)
        #expect(recorded.name == "process")
        #expect(recorded["process.pid"] == .int(42))
        #expect(recorded.events.map(\.name) == ["signal_sent", "worker_restarted"])
        #expect(recorded.links.first?.attributes == [Attribute("apron.link.type", .string("started_by"))])
    }

    @Test("after a reboot the begin comes from the calendar")
    func reopenedAfterReboot() {
        let span = Telemetry.start(.process, parent: nil)
        var stored = span.stored
        stored.start = bootTime() + 1_000_000_000_000
        let again = Telemetry.reopen(stored)
        // The two readings of the calendar may differ by what it was corrected.
        #expect(again.start <= bootTime())
    }

    @Test("the calendar time of a span does not depend on later corrections of the clock")
    func anchors() throws {
        let root = Telemetry.start(.workerStart, parent: nil)
        let before = root.recorded
        ClockAnchor.renew()
        let child = Telemetry.start(.workerRecover, parent: root.context)
        #expect(child.recorded.anchor == before.anchor)
        let anchor = ClockAnchor(offset: 500)
        #expect(anchor.unixTime(7) == 507)
        #expect(anchor.bootTime(unixTime: 507) == 7)
        #expect(anchor.bootTime(unixTime: 3) == 0)
    }
}
