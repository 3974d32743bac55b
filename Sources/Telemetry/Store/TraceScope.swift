internal import Synchronization

/// What the spans of one request share: the trace, a handle, which may become known late, and an anchor to the
/// calendar. A context from outside has one too, which has no spans.
final class TraceScope: Sendable {
    let traceID: TraceID
    /// The `tracestate` header in its normal form, empty when there is none.
    let traceState: String
    let anchor: ClockAnchor
    /// Where the spans are kept; nil when they are those of another process.
    let store: SpanStore?
    private let state: Mutex<State>

    private struct State {
        var handle: String?
        var table = SpanTable()
        /// Under which age the store lists the scope; an evicted scope comes back with its next span.
        var age: UInt64?
    }

    init(
        _ traceID: TraceID, state traceState: String = "", handle: String? = nil, store: SpanStore?,
        anchor: ClockAnchor = .current
    ) {
        self.traceID = traceID
        self.traceState = traceState
        self.anchor = anchor
        self.store = store
        state = Mutex(State(handle: handle))
    }

    /// A part of the same trace that is about another handle.
    convenience init(_ other: TraceScope, handle: String) {
        self.init(other.traceID, state: other.traceState, handle: handle, store: other.store)
    }

    /// Whether its spans are of this process.
    var isOurs: Bool { store != nil }

    var handle: String? { state.withLock { $0.handle } }

    /// The spans, in the order in which they were opened.
    var records: [SpanRecord] { state.withLock { $0.table.records } }

    /// What is known about the spans, in the order in which they were opened.
    var spans: [RecordedSpan] {
        let (records, handle) = state.withLock { ($0.table.records, $0.handle) }
        return records.map { $0.recorded(in: self, handle: handle) }
    }

    /// What is known about the spans that have not ended; nearly always none.
    var openSpans: [RecordedSpan] {
        let (records, handle) = state.withLock { ($0.table.open == 0 ? [] : $0.table.records, $0.handle) }
        return records.filter { $0.end == nil }.map { $0.recorded(in: self, handle: handle) }
    }

    /// The span with that id, if it has not ended.
    func openSpan(_ id: SpanID) -> OpenSpan? {
        let record = state.withLock { state in
            state.table.open == 0 ? nil : state.table.records.first { $0.spanID == id && $0.end == nil }
        }
        return record.map { OpenSpan($0, in: self) }
    }

    func setHandle(_ handle: String) {
        let age = state.withLock { state in
            state.handle = handle
            return state.age
        }
        if let age { store?.list(self, age: age) }
    }

    /// Begins a span.
    /// - Parameter make: gets its number and whether it stays when it has ended
    /// - Returns: its number
    @inline(__always)
    func add(_ make: (UInt32, Bool) -> SpanRecord) -> UInt32 {
        // Before the lock: to make room, the store looks at other scopes, and at this one too.
        let isKept = store?.admit() == true
        let (ordinal, isNew) = state.withLock { state in
            (state.table.add { make($0, isKept) }, isKept && state.age == nil)
        }
        if isNew { enlist() }
        return ordinal
    }

    /// Has the store list the scope, as of now.
    @inline(never)
    private func enlist() {
        guard let store else { return }
        let age: UInt64? = state.withLock { state in
            if state.age != nil { return nil }
            state.age = store.nextAge()
            return state.age
        }
        if let age { store.list(self, age: age) }
    }

    /// Changes a span that has not ended.
    @inline(__always)
    func change(_ ordinal: UInt32, _ body: (inout SpanRecord) -> Void) {
        state.withLock { $0.table.change(ordinal, body) }
    }

    /// Ends a span.
    /// - Parameter isWanted: whether the caller has use for what the span says
    /// - Returns: the span, if it is wanted and had not ended before
    func end(_ ordinal: UInt32, at instant: UInt64, isWanted: Bool) -> SpanRecord? {
        let (record, grown) = state.withLock { $0.table.end(ordinal, at: instant, isWanted: isWanted) }
        if grown > 0 { store?.grew(bytes: grown) }
        return record
    }

    /// The span of that number, unless it has ended and is not kept any more.
    func record(_ ordinal: UInt32) -> SpanRecord? { state.withLock { $0.table[ordinal] } }

    /// Lets go of all spans if none is open; otherwise does nothing.
    func evictIfFinished() -> SpanTable.Freed? {
        state.withLock { state in
            if state.table.open > 0 { return nil }
            state.age = nil
            return state.table.takeAll()
        }
    }

    /// Lets go of the spans that have ended.
    func evictFinishedSpans() -> SpanTable.Freed { state.withLock { $0.table.takeEnded() } }
}
