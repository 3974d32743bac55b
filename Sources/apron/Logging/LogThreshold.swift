internal import Logging
internal import Synchronization

/// The least severe level that is logged; can be changed while loggers are in use.
final class LogThreshold: Sendable {
    /// The one that all loggers of the process obey.
    static let shared = LogThreshold(.info)

    private let index: Atomic<Int>
    private static let levels = Logger.Level.allCases

    init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

    /// The level now.
    var level: Logger.Level {
        get { Self.levels[index.load(ordering: .relaxed)] }
        set { index.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int { levels.firstIndex(of: level) ?? 0 }
}
