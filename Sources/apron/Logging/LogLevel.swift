internal import Logging

/// The levels that `--log-level` knows.
enum LogLevel: String, Sendable, CaseIterable {
    case debug, info, warn, error, fatal

    /// Reads a level's name; `warning` is `warn`.
    init?(word: String) { self.init(rawValue: word == "warning" ? "warn" : word) }

    /// The level of the logging library.
    var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        case .fatal: .critical
        }
    }
}
