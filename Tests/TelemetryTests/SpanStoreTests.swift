import Testing

@testable import Telemetry

@Suite("Span store")
struct SpanStoreTests {
    /// A span in a store of its own.
    private func root(_ store: SpanStore, handle: String? = nil) -> OpenSpan {
        let context = TraceContext(
            spanID: .random(), flags: .sampled, scope: TraceScope(.random(), handle: handle, store: store), depth: 0)
        return OpenSpan.open(
            name: "root", phase: nil, context: context, parentID: nil, parentIsRemote: false, kind: .internal, start: 1,
            isRecording: true)
    }

    private func child(_ parent: OpenSpan, _ name: String = "child") -> OpenSpan {
        OpenSpan.begin(name: name, phase: nil, parent: parent.context, kind: .internal, start: 2, isRecording: true)
    }

    @Test("finished and unfinished spans are found by handle and by trace")
    func lookup() {
        let store = SpanStore()
        let span = root(store, handle: "a")
        child(span).end()
        #expect(store.spans(handle: "a").map(\.name) == ["root", "child"])
        #expect(store.spans(handle: "a").map(\.isUnfinished) == [true, false])
        #expect(store.spans(handle: "b").isEmpty)
        #expect(store.spans(trace: span.context.traceID).count == 2)
        #expect(store.unfinished().map(\.name) == ["root"])
    }

    @Test("a handle that becomes known late holds for all spans of the request")
    func lateHandle() {
        let store = SpanStore()
        let span = root(store)
        let early = child(span, "early")
        #expect(store.spans(handle: "late").isEmpty)
        early.setHandle("late")
        let after = child(span, "after")
        #expect(store.spans(handle: "late").map(\.name) == ["root", "early", "after"])
        #expect(after.context.handle == "late")
        #expect(store.spans(handle: "late").allSatisfy { $0.handle == "late" })
        span.setHandle("later")
        #expect(store.spans(handle: "late").isEmpty)
        #expect(store.spans(handle: "later").count == 3)
    }

    @Test("a span for another handle does not change its parent's")
    func otherHandle() {
        #expect(Recording.isOn)
        let recover = Telemetry.start(.workerRecover, parent: nil)
        let one = "one-\(recover.context.spanID)"
        let first = Telemetry.start(.process, parent: recover.context, handle: one)
        let second = Telemetry.start(.process, parent: recover.context, handle: one + "-two")
        #expect(recover.context.handle == nil)
        #expect(Telemetry.store.spans(handle: one).map(\.context) == [first.context])
        #expect(Telemetry.store.spans(handle: one + "-two").map(\.context) == [second.context])
        #expect(Telemetry.store.spans(trace: recover.context.traceID).count == 3)
    }

    @Test("the oldest finished request goes first; open ones stay")
    func evictsOldest() {
        let store = SpanStore(SpanStore.Limits(spans: 16))
        let open = root(store, handle: "open")
        let requests = (0..<30).map { number in
            let span = root(store, handle: "\(number)")
            span.end()
            return span
        }
        #expect(store.usage.spans <= 16)
        #expect(store.usage.evicted >= 15)
        #expect(store.usage.refused == 0)
        #expect(store.spans(handle: "open").count == 1)
        #expect(store.spans(handle: "0").isEmpty)
        #expect(store.spans(handle: "29").count == 1)
        // A request that was forgotten comes back with its next span.
        let later = child(requests[0], "later")
        #expect(store.spans(handle: "0").map(\.name) == ["later"])
        later.end()
        open.end()
    }

    @Test("of requests that never end the finished spans go; after that nothing new is kept")
    func saturated() {
        let store = SpanStore(SpanStore.Limits(spans: 16))
        let span = root(store, handle: "a")
        for _ in 0..<40 { child(span).end() }
        #expect(store.usage.spans <= 16)
        #expect(store.spans(handle: "a").first?.name == "root")
        let many = (0..<40).map { _ in child(span, "open") }
        #expect(store.usage.spans == 16)
        #expect(store.usage.refused == 40 - 15)
        for open in many { open.end() }
        child(span, "fits again").end()
        #expect(store.spans(handle: "a").last?.name == "fits again")
        #expect(store.usage.spans <= 16)
    }

    @Test("bytes are limited too")
    func bytes() {
        let store = SpanStore(SpanStore.Limits(spans: 1000, bytes: 64 * 1024))
        for number in 0..<40 {
            let span = root(store, handle: "\(number)")
            span.set("text", String(repeating: "x", count: 8000))
            span.end()
        }
        #expect(store.usage.bytes <= 64 * 1024)
        #expect(store.usage.spans < 10)
        #expect(store.spans(handle: "39").count == 1)
    }

    @Test("writers find their spans after others of the same request have been let go")
    func gaps() {
        let store = SpanStore(SpanStore.Limits(spans: 16))
        let span = root(store, handle: "a")
        var open: [OpenSpan] = []
        for number in 0..<200 {
            let span = child(span, "\(number)")
            if number % 40 == 7 { open.append(span) } else { span.end() }
        }
        for (place, child) in open.enumerated() {
            child.set("place", place)
            #expect(child.recorded.name == "\(place * 40 + 7)")
            #expect(child.recorded["place"] == .int(Int64(place)))
            child.end()
            child.end()
            child.set("place", -1)
            #expect(child.recorded["place"] == .int(Int64(place)))
        }
        span.set("last", true)
        #expect(store.spans(handle: "a").first?["last"] == .bool(true))
        span.end()
        #expect(store.unfinished().isEmpty)
    }

    @Test("a span that there was no room for is written to until it ends, and then gone")
    func refused() {
        let store = SpanStore(SpanStore.Limits(spans: 4))
        let span = root(store, handle: "a")
        let open = (0..<10).map { child(span, "\($0)") }
        #expect(store.usage.refused == 7)
        let last = open[9]
        last.set("kept", false)
        #expect(last.recorded["kept"] == .bool(false))
        #expect(last.context.openSpan?.recorded.name == "9")
        last.end()
        #expect(last.recorded.name.isEmpty)
        #expect(last.context.openSpan == nil)
        for span in open { span.end() }
        #expect(store.usage.spans == 4)
        #expect(store.spans(handle: "a").map(\.name) == ["root", "0", "1", "2"])
    }

    @Test("scopes come and go in any order, and those that are gone are not found")
    func comingAndGoing() {
        let store = SpanStore(SpanStore.Limits(spans: 64))
        let stays = (0..<5).map { root(store, handle: "stays-\($0)") }
        for number in 0..<1000 {
            let span = root(store)
            span.setHandle("h\(number % 7)")
            span.setHandle("h\(number % 3)")
            span.end()
        }
        #expect(store.usage.spans <= 64)
        let listed = (0..<7).map { store.spans(handle: "h\($0)").count }
        #expect(listed[3...].allSatisfy { $0 == 0 })
        #expect(listed.reduce(0, +) + stays.count == store.usage.spans)
        #expect(store.unfinished().map(\.handle) == stays.map(\.context.handle))
        for span in stays {
            #expect(store.spans(trace: span.context.traceID).count == 1)
            span.end()
        }
    }

    @Test("a scope that has gone is not listed again by a handle that comes late")
    func lateListing() {
        var index = ScopeIndex()
        let (stays, gone) = (TraceScope(.random(), store: nil), TraceScope(.random(), store: nil))
        index.list(stays, age: 1)
        index.list(gone, age: 2)
        index.remove(2)
        gone.setHandle("late")
        index.list(gone, age: 2)
        #expect(index.scopes(handle: "late").isEmpty && index.scopes(trace: gone.traceID).isEmpty)
        #expect(index.newestFirst.map(\.traceID) == [stays.traceID])
        index.list(gone, age: 3)
        #expect(index.scopes(handle: "late").map(\.traceID) == [gone.traceID])
    }
}
