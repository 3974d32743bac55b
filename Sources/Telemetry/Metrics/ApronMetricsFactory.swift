public import CoreMetrics

/// Lets libraries that know swift-metrics join in: what they record is exposed beside Apron's own metrics.
///
/// To be installed by `MetricsSystem.bootstrap(ApronMetricsFactory())` before a library makes its first metric.
/// Counters become counters, timers histograms of seconds, recorders histograms or gauges, meters gauges.
public struct ApronMetricsFactory: MetricsFactory {
    private let library: LibraryMetrics

    /// Records into a registry.
    public init(_ registry: MetricRegistry = Metrics.shared) { library = registry.library }

    /// Powers of four: nothing is known about what a library records.
    private static let bounds = (0..<12).map { Double(1 << (2 * $0)) }

    /// Makes a counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        handler(label, dimensions, .counter) ?? NOOPMetricsHandler.instance
    }

    /// Makes a counter that takes fractions.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        handler(label, dimensions, .counter) ?? NOOPMetricsHandler.instance
    }

    /// Makes a gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        handler(label, dimensions, .gauge) ?? NOOPMetricsHandler.instance
    }

    /// Makes a histogram, or a gauge when only the last value counts.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        handler(label, dimensions, aggregate ? .histogram(Self.bounds) : .gauge) ?? NOOPMetricsHandler.instance
    }

    /// Makes a histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("_seconds") ? label : "\(label)_seconds"
        return handler(name, dimensions, .histogram(Metric.Buckets.work)) ?? NOOPMetricsHandler.instance
    }

    // A series stays: Prometheus would take one that comes back for a restart of the worker.

    /// Does nothing.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Does nothing.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    /// Does nothing.
    public func destroyMeter(_ handler: any MeterHandler) {}
    /// Does nothing.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Does nothing.
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func handler(_ label: String, _ dimensions: [(String, String)], _ kind: MetricKind) -> CellHandler? {
        library.cell(label, dimensions, kind).map(CellHandler.init)
    }
}

/// What a library's metric writes to.
private final class CellHandler: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler,
    TimerHandler
{
    private let cell: MetricCell

    init(_ cell: MetricCell) { self.cell = cell }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func reset() { set(0.0) }
    func set(_ value: Int64) { set(Double(value)) }
    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func set(_ value: Double) {
        if case .number(let number) = cell { number.set(value) }
    }

    func record(_ value: Double) {
        switch cell {
        case .number(let number): number.set(value)
        case .histogram(let histogram): histogram.observe(value)
        }
    }

    private func add(_ amount: Double) {
        if case .number(let number) = cell { number.add(amount) }
    }
}
