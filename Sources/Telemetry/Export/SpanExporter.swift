/// Where ended spans go. One thread calls ``export(_:resource:)``, with one batch at a time.
public protocol SpanExporter: Sendable {
    /// How long a span may wait for company before it is handed over, in milliseconds.
    var delayMilliseconds: Int32 { get }

    /// Takes a batch. It may block; meanwhile spans wait in a bounded ring.
    func export(_ batch: [RecordedSpan], resource: Resource)

    /// Waits until everything that was taken is where it belongs. Called on any thread; it may block.
    /// - Parameters:
    ///   - milliseconds: how long at most
    ///   - stop: whether nothing comes afterwards
    /// - Returns: false when the time was too short
    func flush(milliseconds: Int32, stop: Bool) -> Bool
}

extension SpanExporter {
    /// A second: lines are for people, who wait no longer.
    public var delayMilliseconds: Int32 { 1000 }

    /// For exporters that are done when ``export(_:resource:)`` returns.
    public func flush(milliseconds: Int32, stop: Bool) -> Bool { true }
}
