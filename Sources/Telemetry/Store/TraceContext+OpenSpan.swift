extension TraceContext {
    /// The span itself, if it is one of this process that has not ended.
    public var openSpan: OpenSpan? { scope.openSpan(spanID) }
}
