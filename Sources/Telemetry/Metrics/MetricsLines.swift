public import Kernel

/// Writes metrics to standard output or a file.
public final class MetricsLines: MetricsExporter {
    /// How they are written.
    public enum Format: Sendable {
        /// The text of Prometheus, for people.
        case text
        /// One line: `{"resourceMetrics":[…]}`, OTLP's file format.
        case json
    }

    private let format: Format
    private let writer: LineWriter

    /// Writes to what `writer` stands for.
    public init(_ format: Format, to writer: LineWriter) {
        self.format = format
        self.writer = writer
    }

    /// Writes them. What cannot be written, for example because the disk is full, is not written again.
    public func export(_ snapshot: MetricSnapshot, resource: Resource, patience: Patience) -> UInt64 {
        switch format {
        case .text: try? writer.write(Exposition.text(snapshot, .prometheus))
        case .json: try? writer.write(OTLPJSON.encode(snapshot, resource: resource) + [UInt8(ascii: "\n")])
        }
        return 0
    }

    /// Nothing is held.
    public func close() {}
}
