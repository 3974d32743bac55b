public import Logging
internal import NIOCore
internal import NIOPosix
public import Telemetry

/// Sends metrics to an OpenTelemetry collector.
///
/// They are cumulative, so that nothing is kept that could not be sent: the next ones say it, too.
public final class OTLPMetricsExporter: MetricsExporter {
    private let configuration: OTLPConfiguration
    private let log: CollectorLog
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let transport: any Transport

    /// Connects when there is something to send.
    public init(_ configuration: OTLPConfiguration, logger: Logger) {
        var configuration = configuration
        configuration.signal = .metrics
        self.configuration = configuration
        log = CollectorLog(logger)
        transport = makeTransport(configuration, group)
    }

    /// Sends all metrics in one request, which is made again within the time limit.
    public func export(_ snapshot: MetricSnapshot, resource: Resource, patience: Patience) -> UInt64 {
        if snapshot.exportedFamilies.isEmpty { return 0 }
        let body =
            configuration.format == .json
            ? OTLPJSON.encode(snapshot, resource: resource) : MetricsRequest.encode(snapshot, resource: resource)
        if body.count > configuration.requestBytesMax {
            log.warn("large", "metrics are lost", ["reason": "a request of \(body.count) bytes is too long"])
            return 0
        }
        let request = Request(
            body, contentType: configuration.format.contentType, compression: configuration.compression)
        let attempts = Attempts(
            configuration: configuration, transport: transport, endsAt: { patience.endsAt },
            wait: { patience.sleep(until: $0) })
        return noted(attempts.deliver(request))
    }

    /// Tells what the operator should know.
    /// - Returns: how long the collector is left alone, in milliseconds
    private func noted(_ delivery: Delivery) -> UInt64 {
        switch delivery {
        case .delivered(let partial):
            log.succeeded("the collector takes metrics again")
            if partial.isWorthAWarning {
                log.warn(
                    "partial", "the collector took metrics in part",
                    ["rejected": "\(partial.rejected)", "reason": "\(partial.message)"])
            }
        case .refused(let reason):
            log.warn("refused", "the collector refused metrics, which are lost", ["reason": "\(reason)"])
        case .retry(let reason, let wanted):
            log.failed("metrics cannot be sent", ["reason": "\(reason)"])
            return min(wanted ?? 0, Attempts.pauseMax)
        }
        return 0
    }

    /// Closes the connection.
    public func close() {
        transport.close()
        group.shutdownGracefully { _ in }
    }
}
