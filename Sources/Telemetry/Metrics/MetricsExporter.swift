/// Where metrics are brought from time to time. One thread makes it, uses it and closes it.
public protocol MetricsExporter: AnyObject {
    /// Brings all metrics to where they belong. It may block.
    /// - Parameter patience: how long it may wait
    /// - Returns: for how many milliseconds the receiver wants to hear nothing
    func export(_ snapshot: MetricSnapshot, resource: Resource, patience: Patience) -> UInt64

    /// Gives up what it holds.
    func close()
}
