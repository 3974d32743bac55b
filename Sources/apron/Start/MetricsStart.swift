internal import OTLPExport
internal import Telemetry

/// Metrics, while somebody can ask for them: the operations server is on, or they are sent.
enum MetricsStart {
    /// Begins to count, before the first span; nothing is counted when nobody can look.
    static func begin(_ configuration: WorkerConfiguration) {
        if configuration.operations.bindPort != nil || configuration.telemetry.metrics != nil { Metrics.enable() }
    }

    /// Says where the figures come from that are not counted.
    /// - Parameters:
    ///   - worker: containers and volumes
    ///   - collectors: where spans are sent
    static func addSources(
        _ configuration: WorkerConfiguration, worker: MetricSource?, collectors: [OTLPExporter]
    ) {
        guard Metrics.isOn else { return }
        let hostSources = [
            HostSources.uptime(), HostSources.pressure, HostSources.disk(of: configuration.workDirectory),
            HostSources.identity(version: Apron.version) { Telemetry.resource },
        ]
        let sources = hostSources + [TelemetrySources.queue] + collectors.map(\.metricSource)
        for source in sources { Metrics.shared.add(source) }
        if let worker { Metrics.shared.add(worker) }
    }
}
