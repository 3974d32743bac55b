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
        var spans: [OpenSpan] = []
        var open = 0
        var bytes = 0
        /// Whether the store lists the scope; an evicted scope comes back with its next span.
        var isListed = false
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
        if isListed { store?.list(self) }
    }

    /// Whether one more span is kept. Not inlined, so that the caller counts no reference to the store.
    @inline(never)
    func admit() -> Bool { store?.admit() == true }

    /// Keeps a span that was admitted.
    func add(_ span: OpenSpan) {
        let isNew = state.withLock { state in
            state.spans.append(span)
            state.open += 1
            let isNew = !state.isListed
            state.isListed = true
            return isNew
        }
        if isNew { store?.list(self) }
    }

    /// Counts a span that has ended, with the memory that it holds from now on.
    func ended(size: Int) {
        state.withLock { state in
            state.open -= 1
            state.bytes += size
        }
        store?.grew(bytes: size)
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
