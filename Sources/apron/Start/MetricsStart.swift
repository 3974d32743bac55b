internal import CoreMetrics
internal import Kernel
internal import Logging
internal import OTLPExport
internal import Telemetry

/// Metrics, while somebody can ask for them: the operations server is on, or they are sent.
enum MetricsStart {
    /// How long the last metrics may take to be delivered.
    private static let finishMilliseconds: Int32 = 5000

    /// Begins to count, before the first span; nothing is counted when nobody can look.
    static func begin(_ configuration: WorkerConfiguration) {
        if configuration.operations.bindPort == nil, configuration.telemetry.metrics.isEmpty { return }
        Metrics.enable()
        joinLibraries
    }

    /// From now on, what libraries record by swift-metrics is among the metrics; a process can have that once.
    private static let joinLibraries: Void = MetricsSystem.bootstrap(ApronMetricsFactory())

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

    /// Begins to send metrics, when the settings say so.
    /// - Parameter logger: told what keeps a collector from being used; the worker works without it
    static func readers(_ settings: TelemetrySettings, logger: Logger) -> [MetricsReader] {
        settings.metrics.compactMap { destination in
            do { return try reader(destination, settings, logger) } catch {
                logger.error("metrics are not sent: \(error)")
                return nil
            }
        }
    }

    private static func reader(
        _ destination: TelemetrySettings.MetricsDestination, _ settings: TelemetrySettings, _ logger: Logger
    ) throws -> MetricsReader {
        let interval = settings.metricsIntervalMilliseconds
        switch destination {
        case .lines(let format):
            return try MetricsReader(everyMilliseconds: interval) { MetricsLines(format, to: LineWriter(.output)) }
        case .otlp(var configuration):
            configuration.userAgent = TelemetryStart.userAgent
            try configuration.checkCertificates()
            let ready = configuration
            let reader = try MetricsReader(everyMilliseconds: interval) { OTLPMetricsExporter(ready, logger: logger) }
            logger.info("metrics are sent", metadata: ["collector": "\(ready)", "every": "\(interval) ms"])
            return reader
        }
    }

    /// Sends the last metrics. It blocks.
    static func finish(_ readers: [MetricsReader]) {
        // Metrics that cannot be sent must not change how the program ends.
        for reader in readers { reader.finish(milliseconds: finishMilliseconds) }
    }
}
