/// What became of the spans that were to be exported.
struct ExportQueueUsage: Sendable, Hashable {
    /// Spans that wait.
    var size: Int
    /// Most that may wait.
    var capacity: Int
    /// Spans that the exporters were given.
    var taken: Int
    /// Spans for which there was no room.
    var dropped: Int
}

/// Sources of figures about the telemetry itself.
public enum TelemetrySources {
    /// The queue of ended spans; nothing while there is no exporter.
    public static let queue: MetricSource = { readings in
        guard let usage = Telemetry.exportQueue else { return }
        readings.add(.spanQueueSize, [], Double(usage.size))
        readings.add(.spanQueueCapacity, [], Double(usage.capacity))
        readings.add(.spansProcessed, [""], Double(usage.taken))
        readings.add(.spansProcessed, ["queue_full"], Double(usage.dropped))
    }
}
