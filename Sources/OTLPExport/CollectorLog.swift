internal import Kernel
internal import Logging
internal import Synchronization

/// Tells the operator about a collector, not more often than is of use.
final class CollectorLog: Sendable {
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        /// Whether the last export failed.
        var isDown = false
        /// When a kind of warning was given last, in nanoseconds of CLOCK_BOOTTIME.
        var warned: [String: UInt64] = [:]
    }

    /// Between two warnings of a kind, in nanoseconds.
    private static let silence: UInt64 = 60_000_000_000

    init(_ logger: Logger) { self.logger = logger }

    /// Notes a success, and tells of the first one after a failure.
    func succeeded(_ text: Logger.Message) {
        let wasDown = state.withLock { state in
            defer { state.isDown = false }
            return state.isDown
        }
        if wasDown { logger.info(text) }
    }

    /// Notes a failure, and tells of the first one after a success.
    func failed(_ text: Logger.Message, _ metadata: Logger.Metadata) {
        let wasUp = state.withLock { state in
            defer { state.isDown = true }
            return !state.isDown
        }
        if wasUp { logger.warning(text, metadata: metadata) }
    }

    /// Warns, once in a while for each kind.
    func warn(_ kind: String, _ text: Logger.Message, _ metadata: Logger.Metadata) {
        let now = bootTime()
        let isDue = state.withLock { state in
            if let last = state.warned[kind], now < last + Self.silence { return false }
            state.warned[kind] = now
            return true
        }
        if isDue { logger.warning(text, metadata: metadata) }
    }
}
