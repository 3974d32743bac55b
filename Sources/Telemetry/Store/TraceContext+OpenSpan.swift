extension TraceContext {
    /// The span itself, if it is one of this process that has not ended and is kept.
    public var openSpan: OpenSpan? {
        scope.openSpans.first { $0.context.spanID == spanID }
    }
}
