internal import Synchronization

/// The metrics of this process. While they are off, recording is a test of one flag.
public enum Metrics {
    /// Where everything is counted.
    public static let shared = MetricRegistry()

    private static let flag = Atomic<Bool>(false)

    /// Whether somebody can look at the metrics.
    @inline(__always)
    public static var isOn: Bool { flag.load(ordering: .relaxed) }

    /// Begins to count; to be called before the first span. Figures that come from spans need spans to be recorded.
    public static func enable() { flag.store(true, ordering: .relaxed) }

    /// Adds to a counter.
    public static func count(_ metric: Metric, _ labels: @autoclosure () -> [String] = [], by amount: Double = 1) {
        if isOn { shared.count(metric, labels(), by: amount) }
    }

    /// Counts an observation of a histogram.
    public static func observe(_ metric: Metric, _ labels: @autoclosure () -> [String] = [], _ value: Double) {
        if isOn { shared.observe(metric, labels(), value) }
    }

    /// Sets a gauge.
    public static func gauge(_ metric: Metric, _ labels: @autoclosure () -> [String] = [], _ value: Double) {
        if isOn { shared.set(metric, labels(), to: value) }
    }
}
