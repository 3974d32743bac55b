internal import Kernel
internal import Logging
internal import Worker

/// One event on its way to the log.
struct LogLine {
    /// Nanoseconds since the epoch.
    let time: UInt64
    let level: Logger.Level
    let message: String
    /// The logger's label.
    let logger: String
    let error: (any Error)?
    /// All metadata, own, provided and given.
    let fields: Logger.Metadata

    /// Fields that are keys of the line itself, in their order; the first three come from the trace context.
    static let topKeys = ["trace_id", "span_id", "trace_flags", "container.id", "error.type"]

    /// The level as `--log-level` writes it.
    var levelWord: String {
        switch level {
        case .warning: "warn"
        case .critical: "fatal"
        default: level.rawValue
        }
    }

    /// What kind of error it is, in few distinct words: the errno's name, the worker's kind, or the type's name.
    static func errorType(_ error: any Error) -> String {
        if let error = error as? KernelError { return error.errno.name }
        if let error = error as? WorkerError { return error.cause?.errno.name ?? error.kind.rawValue }
        return String(describing: type(of: error))
    }

    /// The value of one of ``topKeys``; the type of the error is derived from it unless it was given.
    func top(_ key: String) -> Logger.MetadataValue? {
        if let value = fields[key] { return value }
        return key == "error.type" ? error.map { .string(Self.errorType($0)) } : nil
    }

    /// Fields that are not keys of the line itself, sorted.
    var otherFields: [(key: String, value: Logger.MetadataValue)] {
        fields.filter { !Self.topKeys.contains($0.key) }.sorted { $0.key < $1.key }
    }
}
