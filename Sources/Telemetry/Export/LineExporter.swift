public import Kernel
internal import Synchronization

/// Writes ended spans as lines to a file or to standard output.
public final class LineExporter: SpanExporter {
    /// How a span is written.
    public enum Format: String, Sendable, CaseIterable {
        /// One line a span, for people.
        case text
        /// One line a batch: `{"resourceSpans":[…]}`, OTLP's file format.
        case json
    }

    private let format: Format
    private let writer: LineWriter
    private let failures = Atomic<Int>(0)

    /// Writes to what `writer` stands for.
    public init(_ format: Format, to writer: LineWriter) {
        self.format = format
        self.writer = writer
    }

    /// Batches that could not be written, for example because the disk was full. They are not written again.
    public var failedBatches: Int { failures.load(ordering: .relaxed) }

    /// Writes a batch.
    public func export(_ batch: [RecordedSpan], resource: Resource) {
        if batch.isEmpty { return }
        var bytes: [UInt8] = []
        switch format {
        case .text:
            for span in batch { bytes.append(contentsOf: (TextLine.encode(span) + "\n").utf8) }
        case .json:
            bytes = OTLPJSON.encode(batch, resource: resource)
            bytes.append(UInt8(ascii: "\n"))
        }
        do { try writer.write(bytes) } catch { failures.add(1, ordering: .relaxed) }
    }
}
