/// What became of the spans that an exporter took.
public struct ExportStatistics: Sendable {
    /// Why spans were lost.
    public enum Loss: String, Sendable, CaseIterable {
        /// There was no room in memory, and no spool.
        case queueFull = "queue_full"
        /// The spool was at its bound; these were the oldest.
        case spoolFull = "spool_full"
        /// The spool could not be written to, and memory was full.
        case spoolFailed = "spool_failed"
        /// The collector will never take them.
        case refused
        /// One span alone was over the size of a request.
        case tooLarge = "too_large"
        /// The process ended before they were sent, and there was no spool.
        case unsent
        /// A spooled batch was in the form of another protocol.
        case foreign
    }

    /// Durations of attempts.
    public struct Durations: Sendable {
        /// Upper bounds of the buckets, in seconds.
        public static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        /// Attempts by bucket; the last has no bound.
        public internal(set) var counts = Array(repeating: UInt64(0), count: bounds.count + 1)
        /// Their sum, in seconds.
        public internal(set) var sum = 0.0

        mutating func add(_ seconds: Double) {
            counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
            sum += seconds
        }
    }

    /// A failure and when it was.
    public struct Failure: Sendable {
        /// What the collector, or the way to it, said.
        public let text: String
        /// Nanoseconds since the epoch.
        public let time: UInt64
    }

    /// Spans that the collector has.
    public internal(set) var exported: UInt64 = 0
    /// Spans that the collector refused out of a batch that it took.
    public internal(set) var rejected: UInt64 = 0
    /// Spans lost, by reason.
    public internal(set) var dropped: [Loss: UInt64] = [:]
    /// Spooled batches of which a part, or all, could not be read; how many spans were in it, nobody knows.
    public internal(set) var damagedBatches: UInt64 = 0
    /// Writes to the spool that failed; the spans stayed in memory.
    public internal(set) var spoolFailures: UInt64 = 0
    /// Attempts that were made again.
    public internal(set) var retries: UInt64 = 0
    /// Exports that did not succeed within the timeout; their spans wait.
    public internal(set) var failedExports: UInt64 = 0
    /// The last failure; it stays after a success.
    public internal(set) var lastFailure: Failure?
    /// The last sentence of a collector about a batch that it took in part.
    public internal(set) var lastPartialSuccess: Failure?
    /// How long attempts took.
    public internal(set) var durations = Durations()
    /// Spans that wait, in memory and on disk.
    public internal(set) var waitingSpans = 0
    /// Batches that wait.
    public internal(set) var waitingBatches = 0
    /// Bytes of the spool in use.
    public internal(set) var spoolBytes = 0

    /// All spans lost by the exporter.
    public var droppedSpans: UInt64 { dropped.values.reduce(0, +) }
}
