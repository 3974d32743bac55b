internal import Kernel
internal import Logging
internal import Synchronization

/// Counts what becomes of spans, and tells the operator what needs attention, not more often than is of use.
final class Reporter: Sendable {
    private let log: CollectorLog
    private let counted = Mutex(ExportStatistics())

    init(_ logger: Logger) { log = CollectorLog(logger) }

    var statistics: ExportStatistics { counted.withLock { $0 } }

    func attempted(seconds: Double) { counted.withLock { $0.durations.add(seconds) } }

    func retried() { counted.withLock { $0.retries += 1 } }

    func delivered(spans: Int, _ partial: PartialSuccess) {
        // A receiver may say anything; more than all it cannot refuse.
        let rejected = min(partial.rejected, UInt64(spans))
        counted.withLock { statistics in
            statistics.exported += UInt64(spans) - rejected
            statistics.rejected += rejected
            if partial.isWorthAWarning {
                statistics.lastPartialSuccess = .init(text: partial.message, time: realTime())
            }
        }
        log.succeeded("the collector takes spans again")
        if partial.isWorthAWarning {
            log.warn(
                "partial", "the collector took a batch in part",
                ["rejected": "\(rejected)", "reason": "\(partial.message)"])
        }
    }

    func refused(spans: Int, _ reason: String) {
        count(.refused, UInt64(spans), failure: reason)
        log.warn(
            "refused", "the collector refused spans, which are lost", ["spans": "\(spans)", "reason": "\(reason)"])
    }

    func failed(_ reason: String, waitingSpans: Int) {
        counted.withLock { statistics in
            statistics.failedExports += 1
            statistics.lastFailure = .init(text: reason, time: realTime())
        }
        log.failed("spans cannot be sent and wait", ["reason": "\(reason)", "spans": "\(waitingSpans)"])
    }

    func spoolFailed(_ error: KernelError) {
        counted.withLock { $0.spoolFailures += 1 }
        log.warn("spool", "spans cannot be kept on disk", ["reason": "\(error)"])
    }

    func countDamaged(_ batches: Int = 1) {
        counted.withLock { $0.damagedBatches += UInt64(batches) }
        log.warn("damaged", "spooled spans could not be read", ["batches": "\(batches)"])
    }

    func count(_ losses: Backlog.Losses) {
        for (reason, spans) in losses.spans { count(reason, UInt64(spans)) }
        if losses.damagedBatches > 0 { countDamaged(losses.damagedBatches) }
        if let error = losses.failure { spoolFailed(error) }
    }

    func count(_ reason: ExportStatistics.Loss, _ spans: UInt64, failure: String? = nil) {
        counted.withLock { statistics in
            statistics.dropped[reason, default: 0] += spans
            if let failure { statistics.lastFailure = .init(text: failure, time: realTime()) }
        }
        if failure == nil {
            log.warn(reason.rawValue, "spans were lost", ["reason": "\(reason.rawValue)", "spans": "\(spans)"])
        }
    }
}
