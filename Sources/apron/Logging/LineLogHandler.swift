internal import Kernel
internal import Logging

/// Writes each event as one line with one write(2): JSON for machines, coloured text for a terminal.
struct LineLogHandler: LogHandler {
    /// How a line looks.
    enum Format: Sendable {
        case json, terminal
    }

    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: Format
    private let stream: StandardStream
    private let threshold: LogThreshold
    private var ownLevel: Logger.Level?

    /// Keys whose values are never written, whoever logs them.
    private static let secretKeys: Set<String> = [
        "authorization", "api-key", "api_key", "apikey", "password", "secret", "token", "private-key",
    ]

    init(
        label: String, format: Format, stream: StandardStream, threshold: LogThreshold = .shared,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.format = format
        self.stream = stream
        self.threshold = threshold
        self.metadataProvider = metadataProvider
    }

    /// Makes this the handler of all loggers of the process; to be called once.
    ///
    /// The format follows the stream: text on a terminal, else JSON lines.
    static func bootstrap(level: LogLevel, stream: StandardStream, provider: Logger.MetadataProvider?) {
        LogThreshold.shared.level = level.level
        let format: Format = stream.isTerminal ? .terminal : .json
        LoggingSystem.bootstrap(
            { label, provider in
                LineLogHandler(label: label, format: format, stream: stream, metadataProvider: provider)
            }, metadataProvider: provider)
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? threshold.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        for key in fields.keys where Self.secretKeys.contains(key.lowercased()) { fields[key] = "(hidden)" }
        let line = LogLine(
            time: realTime(), level: event.level, message: event.message.description, logger: label,
            error: event.error, fields: fields)
        let bytes =
            switch format {
            case .json: line.json
            case .terminal: line.terminal
            }
        // Nothing can be said about a log that cannot be written.
        try? stream.write(bytes)
    }
}
