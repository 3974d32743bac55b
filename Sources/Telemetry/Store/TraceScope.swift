internal import Synchronization

/// The spans of one request: they share a handle, which may become known late, and an anchor to the calendar.
final class TraceScope: Sendable {
    let traceID: TraceID
    let anchor: ClockAnchor
    let store: SpanStore
    private let state: Mutex<State>

    private struct State {
        var handle: String?
        var spans: [OpenSpan] = []
        var open = 0
        var bytes = 0
        /// Whether the store lists the scope; an evicted scope comes back with its next span.
        var isListed = false
    }

    init(_ traceID: TraceID, handle: String? = nil, store: SpanStore, anchor: ClockAnchor = .current) {
        self.traceID = traceID
        self.anchor = anchor
        self.store = store
        state = Mutex(State(handle: handle))
    }

    var handle: String? { state.withLock { $0.handle } }

    var spans: [OpenSpan] { state.withLock { $0.spans } }

    /// The spans that have not ended; nearly always none.
    var openSpans: [OpenSpan] {
        state.withLock { $0.open == 0 ? [] : $0.spans }.filter { !$0.isEnded }
    }

    /// What is known about the spans, by their begin.
    var recorded: [RecordedSpan] { SpanStore.byBegin(spans) }

    func setHandle(_ handle: String) {
        let isListed = state.withLock { state in
            state.handle = handle
            return state.isListed
        }
        if isListed { store.list(self) }
    }

    /// Keeps a span that the store has admitted.
    func add(_ span: OpenSpan) {
        let isNew = state.withLock { state in
            state.spans.append(span)
            state.open += 1
            let isNew = !state.isListed
            state.isListed = true
            return isNew
        }
        if isNew { store.list(self) }
    }

    /// Counts a span that has ended, with the memory that it holds from now on.
    func ended(size: Int) {
        state.withLock { state in
            state.open -= 1
            state.bytes += size
        }
        store.grew(bytes: size)
    }

    /// Spans that were let go, and the memory that they held.
    struct Freed {
        var spans: [OpenSpan]
        var bytes: Int
    }

    /// Lets go of all spans if none is open; otherwise does nothing.
    func evictIfFinished() -> Freed? {
        state.withLock { state in
            if state.open > 0 { return nil }
            let freed = Freed(spans: state.spans, bytes: state.bytes)
            state.spans = []
            state.bytes = 0
            state.isListed = false
            return freed
        }
    }

    /// Lets go of the spans that have ended.
    func evictFinishedSpans() -> Freed {
        state.withLock { state in
            var kept: [OpenSpan] = []
            var freed = Freed(spans: [], bytes: 0)
            for span in state.spans {
                if let size = span.finalSize {
                    freed.spans.append(span)
                    freed.bytes += size
                } else {
                    kept.append(span)
                }
            }
            state.spans = kept
            state.bytes -= freed.bytes
            return freed
        }
    }
}
