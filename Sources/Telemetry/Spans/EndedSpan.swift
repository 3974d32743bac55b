/// A span that has ended, on its way to the metrics and to the exporters, whether or not it is kept.
struct EndedSpan: Sendable {
    let record: SpanRecord
    let scope: TraceScope

    /// All that is known about it.
    var recorded: RecordedSpan { record.recorded(in: scope, handle: scope.handle) }
}
