public import Kernel

/// Reads all metrics from time to time, on a thread of its own, and once more at the end.
///
/// It keeps none: those that cannot be delivered are the exporter's matter.
public final class MetricsReader: Sendable {
    private let registry: MetricRegistry
    private let interval: UInt64
    private let resource: @Sendable () -> Resource
    private let patience: Patience
    private let done: EventCounter

    /// Begins; the first metrics leave after one interval.
    /// - Parameters:
    ///   - registry: what is read
    ///   - milliseconds: from one reading to the next
    ///   - resource: what the metrics are about
    ///   - makeExporter: called once, on the reader's thread
    /// - Throws: when there is no thread to be had
    public init(
        _ registry: MetricRegistry = Metrics.shared, everyMilliseconds milliseconds: Int,
        resource: @escaping @Sendable () -> Resource = { Telemetry.resource },
        _ makeExporter: @escaping @Sendable () -> any MetricsExporter
    ) throws(KernelError) {
        self.registry = registry
        interval = UInt64(max(1, milliseconds)) * Self.nanoseconds
        self.resource = resource
        patience = try Patience()
        done = try EventCounter()
        try startThread(named: "metrics") { self.run(makeExporter()) }
    }

    /// In a millisecond.
    private static let nanoseconds: UInt64 = 1_000_000

    /// Reads and delivers for the last time. It blocks; to be called once.
    /// - Parameter milliseconds: how long at most
    /// - Returns: false when the time was too short
    @discardableResult
    public func finish(milliseconds: Int32) -> Bool {
        patience.end(at: bootTime() + UInt64(max(0, milliseconds)) * Self.nanoseconds)
        var isDone = false
        guard let watch = try? Epoll(), (try? watch.add(done.descriptor, .readable, token: 0)) != nil else {
            return false
        }
        try? watch.wait(milliseconds: milliseconds) { _, _ in isDone = true }
        return isDone
    }

    private func run(_ exporter: any MetricsExporter) {
        var due = bootTime() + interval
        while patience.sleep(until: due) {
            let pause = export(by: exporter)
            let now = bootTime()
            // An export that took longer than the interval is followed by the next one that would have been due.
            due += ((now - min(now, due)) / interval + 1) * interval
            due = max(due, now + pause * Self.nanoseconds)
        }
        _ = export(by: exporter)
        exporter.close()
        done.signal()
    }

    private func export(by exporter: any MetricsExporter) -> UInt64 {
        exporter.export(registry.snapshot(), resource: resource(), patience: patience)
    }
}
