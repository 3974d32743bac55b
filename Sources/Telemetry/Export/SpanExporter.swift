/// Where ended spans go. One thread calls it, with one batch at a time.
public protocol SpanExporter: Sendable {
    /// Takes a batch. It may block; meanwhile spans wait in a bounded ring.
    func export(_ batch: [RecordedSpan], resource: Resource)
}
