internal import Synchronization

/// A trace in one line: what a list of recent traces shows of it.
public struct TraceSummary: Sendable, Hashable {
    /// The trace.
    public var traceID: TraceID
    /// The name of the span that began first here.
    public var name: String
    /// The containers and volumes that it is about, at most ``handlesMax``.
    public var handles: [String] = []
    /// When its first span began, in nanoseconds of CLOCK_BOOTTIME.
    public var start: UInt64
    /// When its last span ended, in nanoseconds of CLOCK_BOOTTIME; nil while one is open.
    public var end: UInt64?
    /// The relation of CLOCK_BOOTTIME to the calendar.
    public var anchor: ClockAnchor
    /// Spans that are kept of it.
    public var spans = 0
    /// Spans that are open.
    public var open = 0
    /// Spans that failed.
    public var errors = 0
    /// What the span that failed first says.
    public var failure: String?

    /// A trace of a whole build is about many containers; a line has no room for them.
    static let handlesMax = 8
}

extension SpanStore {
    /// Scopes that are looked at for one list; those of a busy minute.
    private static let scopesMax = 4096

    /// The latest traces, the newest first. Requests that only asked and did nothing are left out.
    public func recentTraces(limit: Int) -> [TraceSummary] {
        summaries(index.withLock { Array($0.newestFirst.prefix(Self.scopesMax)) }, limit: limit) { $0.isMereQuestion }
    }

    /// The latest traces whose id begins with a text, or that are about a handle which contains it.
    public func traces(matching text: String, limit: Int) -> [TraceSummary] {
        let digits = text.lowercased()
        let scopes = index.withLock { index in
            index.newestFirst.filter { scope in
                scope.handle?.contains(text) == true || scope.traceID.description.hasPrefix(digits)
            }
        }
        return summaries(Array(scopes.prefix(Self.scopesMax)), limit: limit) { _ in false }
    }

    /// The spans that are open, by their begin, and how many there are in all.
    /// - Parameter limit: the most that are described
    public func openSpans(limit: Int) -> (spans: [RecordedSpan], total: Int) {
        let open = unfinished()
        return (Array(open.prefix(limit)), open.count)
    }

    private func summaries(
        _ scopes: [TraceScope], limit: Int, leavingOut isLeftOut: (TraceScope) -> Bool
    ) -> [TraceSummary] {
        var summaries: [TraceSummary] = []
        var places: [TraceID: Int] = [:]
        for scope in scopes {
            let place = places[scope.traceID]
            if place == nil, summaries.count >= limit { continue }
            if isLeftOut(scope) { continue }
            let spans = scope.spans
            guard let first = spans.min(by: { $0.start < $1.start }) else { continue }
            let index = place ?? summaries.count
            if place == nil {
                places[scope.traceID] = index
                summaries.append(
                    TraceSummary(
                        traceID: scope.traceID, name: first.name, start: first.start, end: first.start,
                        anchor: first.anchor))
            }
            summaries[index].add(spans, first: first, handle: scope.handle)
        }
        return summaries
    }
}

extension TraceSummary {
    fileprivate mutating func add(_ spans: [RecordedSpan], first: RecordedSpan, handle: String?) {
        if let handle, handles.count < Self.handlesMax, !handles.contains(handle) { handles.append(handle) }
        if first.start < start { (start, name) = (first.start, first.name) }
        self.spans += spans.count
        var last = end
        for span in spans {
            if let ended = span.end { last = last.map { max($0, ended) } } else { (last, open) = (nil, open + 1) }
            guard case .error(let type, let text) = span.status else { continue }
            errors += 1
            failure = failure ?? (text.isEmpty ? type : text)
        }
        end = last
    }
}

extension TraceScope {
    /// Whether it is one finished request that read and did not fail, such as a list of containers.
    fileprivate var isMereQuestion: Bool {
        let spans = spans
        guard spans.count == 1, let span = spans.first, !span.isUnfinished else { return false }
        return (span.name.hasPrefix("GET ") || span.name.hasPrefix("HEAD ")) && !span.status.isError
    }
}
