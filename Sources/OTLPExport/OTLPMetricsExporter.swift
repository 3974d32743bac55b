public import Logging
internal import NIOCore
internal import NIOPosix
public import Telemetry

/// Sends metrics to an OpenTelemetry collector.
///
/// Cumulative ones that could not be sent are not kept: the next ones say it, too. Where only the difference is wanted
/// (``Temporality``), what could not be sent is kept in memory and sent again as it was, with its own begin and end,
/// before what came later: a receiver that got it in spite of all sees the same interval twice, not numbers of which
/// some have been counted already.
public final class OTLPMetricsExporter: MetricsExporter {
    private let configuration: OTLPConfiguration
    private let log: CollectorLog
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let transport: any Transport
    /// What the next differences begin with.
    private var former: MetricSnapshot?
    /// Bodies of requests that nobody has taken yet, the oldest first.
    private var unsent: [[UInt8]] = []

    /// Intervals that wait for the collector, more than an hour by default; the oldest goes first.
    static let unsentMax = 64
    /// The bytes of all that waits, far more than that many intervals take; the oldest goes first.
    static let unsentBytesMax = 16 << 20

    /// Connects when there is something to send.
    public init(_ configuration: OTLPConfiguration, logger: Logger) {
        var configuration = configuration
        configuration.signal = .metrics
        self.configuration = configuration
        log = CollectorLog(logger)
        transport = makeTransport(configuration, group)
    }

    /// Sends all metrics in one request, which is made again within the time limit; before it what waits.
    public func export(_ snapshot: MetricSnapshot, resource: Resource, patience: Patience) -> UInt64 {
        append(snapshot.since(former, configuration.temporality), resource)
        if !isCumulative { former = snapshot }
        while let body = unsent.first {
            let pause = send(body, patience)
            if let pause { return pause }
            unsent.removeFirst()
        }
        return 0
    }

    private var isCumulative: Bool { configuration.temporality == .cumulative }

    /// Encodes metrics and puts them behind what waits.
    private func append(_ snapshot: MetricSnapshot, _ resource: Resource) {
        if snapshot.exportedFamilies.isEmpty { return }
        let body =
            configuration.format == .json
            ? OTLPJSON.encode(snapshot, resource: resource) : MetricsRequest.encode(snapshot, resource: resource)
        if body.count > configuration.requestBytesMax {
            return log.warn("large", "metrics are lost", ["reason": "a request of \(body.count) bytes is too long"])
        }
        // The next ones say what the former ones said.
        if isCumulative { unsent = [] }
        unsent.append(body)
        var bytes = unsent.reduce(0) { $0 + $1.count }
        while unsent.count > 1, unsent.count > Self.unsentMax || bytes > Self.unsentBytesMax {
            bytes -= unsent.removeFirst().count
            log.warn("full", "metrics are lost", ["reason": "the collector has been away for too long"])
        }
    }

    /// Sends one request and tells what the operator should know.
    /// - Returns: how long the collector is left alone before the request is made again, in milliseconds; nil when it
    ///   is done with
    private func send(_ body: [UInt8], _ patience: Patience) -> UInt64? {
        let request = Request(
            body, contentType: configuration.format.contentType, compression: configuration.compression)
        let attempts = Attempts(
            configuration: configuration, transport: transport, endsAt: { patience.endsAt },
            wait: { patience.sleep(until: $0) })
        switch attempts.deliver(request) {
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
        return nil
    }

    /// Closes the connection. Differences that still wait are lost.
    public func close() {
        if !isCumulative, !unsent.isEmpty {
            log.warn("end", "metrics are lost", ["reason": "the collector was away", "requests": "\(unsent.count)"])
        }
        transport.close()
        group.shutdownGracefully { _ in }
    }
}
