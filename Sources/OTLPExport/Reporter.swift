internal import Kernel
internal import Logging
internal import Synchronization

/// Counts what becomes of spans, and tells the operator what needs attention, not more often than is of use.
final class Reporter: Sendable {
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var statistics = ExportStatistics()
        /// Whether the last export failed.
        var isDown = false
        /// When a kind of warning was given last, in nanoseconds of CLOCK_BOOTTIME.
        var warned: [String: UInt64] = [:]
    }

    /// Between two warnings of a kind, in nanoseconds.
    private static let silence: UInt64 = 60_000_000_000

    init(_ logger: Logger) { self.logger = logger }

    var statistics: ExportStatistics { state.withLock { $0.statistics } }

    func attempted(seconds: Double) { state.withLock { $0.statistics.durations.add(seconds) } }

    func retried() { state.withLock { $0.statistics.retries += 1 } }

    func delivered(spans: Int, _ partial: PartialSuccess) {
        // A receiver may say anything; more than all it cannot refuse.
        let rejected = min(partial.rejected, UInt64(spans))
        let wasDown = state.withLock { state in
            state.statistics.exported += UInt64(spans) - rejected
            state.statistics.rejected += rejected
            if partial.isWorthAWarning {
                state.statistics.lastPartialSuccess = .init(text: partial.message, time: realTime())
            }
            defer { state.isDown = false }
            return state.isDown
        }
        if wasDown { logger.info("the collector takes spans again") }
        if partial.isWorthAWarning {
            warn(
                "partial", "the collector took a batch in part",
                ["rejected": "\(rejected)", "reason": "\(partial.message)"])
        }
    }

    func refused(spans: Int, _ reason: String) {
        count(.refused, UInt64(spans), failure: reason)
        warn("refused", "the collector refused spans, which are lost", ["spans": "\(spans)", "reason": "\(reason)"])
    }

    func failed(_ reason: String, waitingSpans: Int) {
        let wasUp = state.withLock { state in
            state.statistics.failedExports += 1
            state.statistics.lastFailure = .init(text: reason, time: realTime())
            defer { state.isDown = true }
            return !state.isDown
        }
        if wasUp {
            logger.warning(
                "spans cannot be sent and wait", metadata: ["reason": "\(reason)", "spans": "\(waitingSpans)"])
        }
    }

    func spoolFailed(_ error: KernelError) {
        state.withLock { $0.statistics.spoolFailures += 1 }
        warn("spool", "spans cannot be kept on disk", ["reason": "\(error)"])
    }

    func countDamaged(_ batches: Int = 1) {
        state.withLock { $0.statistics.damagedBatches += UInt64(batches) }
        warn("damaged", "spooled spans could not be read", ["batches": "\(batches)"])
    }

    func count(_ losses: Backlog.Losses) {
        for (reason, spans) in losses.spans { count(reason, UInt64(spans)) }
        if losses.damagedBatches > 0 { countDamaged(losses.damagedBatches) }
        if let error = losses.failure { spoolFailed(error) }
    }

    func count(_ reason: ExportStatistics.Loss, _ spans: UInt64, failure: String? = nil) {
        state.withLock { state in
            state.statistics.dropped[reason, default: 0] += spans
            if let failure { state.statistics.lastFailure = .init(text: failure, time: realTime()) }
        }
        if failure == nil {
            warn(reason.rawValue, "spans were lost", ["reason": "\(reason.rawValue)", "spans": "\(spans)"])
        }
    }

    private func warn(_ kind: String, _ text: Logger.Message, _ metadata: Logger.Metadata) {
        let now = bootTime()
        let isDue = state.withLock { state in
            if let last = state.warned[kind], now < last + Self.silence { return false }
            state.warned[kind] = now
            return true
        }
        if isDue { logger.warning(text, metadata: metadata) }
    }
}
