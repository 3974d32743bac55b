internal import Synchronization

/// The spans of the recent past and of the present, in memory, by handle and by trace.
///
/// Bounded: when it is full, the oldest request of which no span is open is forgotten; if none is left, the finished
/// spans of the oldest open requests; if that is not enough either, new spans are not kept (they still travel and are
/// exported).
public final class SpanStore: Sendable {
    /// How much is kept.
    public struct Limits: Sendable, Hashable {
        /// Spans.
        public var spans: Int
        /// Bytes, roughly, of ended spans.
        public var bytes: Int

        /// By default about the last thousand containers.
        public init(spans: Int = 50_000, bytes: Int = 32 << 20) {
            self.spans = spans
            self.bytes = bytes
        }
    }

    /// How much is kept now, and how much was not.
    public struct Usage: Sendable, Hashable {
        /// Spans kept.
        public var spans: Int
        /// Bytes, roughly, of ended spans kept.
        public var bytes: Int
        /// Spans forgotten to make room.
        public var evicted: Int
        /// Spans never kept, for want of room.
        public var refused: Int
    }

    private let spanCount = Atomic<Int>(0)
    private let byteCount = Atomic<Int>(0)
    private let spansMax: Atomic<Int>
    private let bytesMax: Atomic<Int>
    private let evicted = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    /// Set when trimming freed too little, so that not every new span tries again; cleared when a span ends.
    private let isSaturated = Atomic<Bool>(false)
    private let ages = Atomic<UInt64>(0)
    let index = Mutex(ScopeIndex())

    /// An empty store.
    public init(_ limits: Limits = Limits()) {
        spansMax = Atomic(limits.spans)
        bytesMax = Atomic(limits.bytes)
    }

    /// Changes how much is kept, and forgets what is too much at once.
    public func setLimits(_ limits: Limits) {
        spansMax.store(limits.spans, ordering: .relaxed)
        bytesMax.store(limits.bytes, ordering: .relaxed)
        if isOverLimit { trim() }
    }

    /// How much is kept.
    public var usage: Usage {
        Usage(
            spans: spanCount.load(ordering: .relaxed), bytes: byteCount.load(ordering: .relaxed),
            evicted: evicted.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed))
    }

    /// The spans that belong to a handle, of all its requests, finished and unfinished, by their begin.
    public func spans(handle: String) -> [RecordedSpan] {
        sorted(index.withLock { $0.scopes(handle: handle) })
    }

    /// The spans of a trace, finished and unfinished, by their begin.
    public func spans(trace: TraceID) -> [RecordedSpan] {
        sorted(index.withLock { $0.scopes(trace: trace) })
    }

    /// The spans that are open, by their begin.
    public func unfinished() -> [RecordedSpan] {
        index.withLock { Array($0.scopes) }.flatMap(\.openSpans).byBegin
    }

    /// Whether one more span is kept. Makes room if there is none.
    func admit() -> Bool {
        if spanCount.add(1, ordering: .relaxed).newValue <= spansMax.load(ordering: .relaxed) { return true }
        if !isSaturated.load(ordering: .relaxed) {
            trim()
            if spanCount.load(ordering: .relaxed) <= spansMax.load(ordering: .relaxed) { return true }
            isSaturated.store(true, ordering: .relaxed)
        }
        spanCount.subtract(1, ordering: .relaxed)
        refused.add(1, ordering: .relaxed)
        return false
    }

    func grew(bytes: Int) {
        let count = byteCount.add(bytes, ordering: .relaxed).newValue
        if isSaturated.load(ordering: .relaxed) { isSaturated.store(false, ordering: .relaxed) }
        if count > bytesMax.load(ordering: .relaxed) { trim() }
    }

    /// An age for a scope that is to be listed.
    func nextAge() -> UInt64 { ages.add(1, ordering: .relaxed).newValue }

    /// Lists a scope, or lists it anew under the handle that it has now.
    func list(_ scope: TraceScope, age: UInt64) {
        index.withLock { $0.list(scope, age: age) }
    }

    private var isOverLimit: Bool {
        byteCount.load(ordering: .relaxed) > bytesMax.load(ordering: .relaxed)
            || spanCount.load(ordering: .relaxed) > spansMax.load(ordering: .relaxed)
    }

    /// Makes room for a while: a little more than is needed, so that the walk over the scopes is rare.
    private func trim() {
        let slack = 64
        let spansWanted = spansMax.load(ordering: .relaxed) * (slack - 1) / slack
        let bytesWanted = bytesMax.load(ordering: .relaxed) / slack * (slack - 1)
        var isEnough: Bool {
            spanCount.load(ordering: .relaxed) <= spansWanted && byteCount.load(ordering: .relaxed) <= bytesWanted
        }
        // The spans are released after the lock.
        var freed: [SpanTable.Freed] = []
        index.withLock { index in
            var ages: [UInt64] = []
            for (age, scope) in index.listed {
                if isEnough { break }
                guard let part = scope.evictIfFinished() else { continue }
                ages.append(age)
                forget(part)
                freed.append(part)
            }
            for age in ages { index.remove(age) }
            for scope in index.scopes {
                if isEnough { break }
                let part = scope.evictFinishedSpans()
                forget(part)
                freed.append(part)
            }
        }
    }

    private func forget(_ freed: SpanTable.Freed) {
        spanCount.subtract(freed.count, ordering: .relaxed)
        byteCount.subtract(freed.bytes, ordering: .relaxed)
        evicted.add(freed.count, ordering: .relaxed)
    }

    private func sorted(_ scopes: [TraceScope]) -> [RecordedSpan] { scopes.flatMap(\.spans).byBegin }
}
