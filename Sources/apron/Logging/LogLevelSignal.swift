internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Changes the log level while the worker runs: SIGHUP switches to debug, and the next one back.
struct LogLevelSignal: Service {
    let signals: UnixSignalsSequence
    let configured: Logger.Level
    let logger: Logger
    var threshold = LogThreshold.shared

    func run() async {
        for await _ in signals.cancelOnGracefulShutdown() { change() }
    }

    /// Says so while it can be read, which is at debug.
    func change() {
        let isDetailed = threshold.level == .debug
        let next = Self.next(threshold.level, configured: configured)
        if !isDetailed { threshold.level = next }
        logger.notice("log level changes", metadata: ["level": "\(next)"])
        threshold.level = next
    }

    /// The level after the signal; who logs at debug all the time can switch that off.
    static func next(_ level: Logger.Level, configured: Logger.Level) -> Logger.Level {
        if level != .debug { return .debug }
        return configured == .debug ? .info : configured
    }
}
