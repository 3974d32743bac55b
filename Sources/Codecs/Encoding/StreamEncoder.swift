/// Encodes one stream, of one format.
protocol StreamEncoder: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer, to sink: EncodingWriter.Sink) throws
    func finish(to sink: EncodingWriter.Sink) throws
}

/// Leaves a stream as it is.
final class RawEncoder: StreamEncoder {
    func write(_ bytes: UnsafeRawBufferPointer, to sink: EncodingWriter.Sink) throws {
        if unsafe !bytes.isEmpty { unsafe try sink(bytes) }
    }

    func finish(to sink: EncodingWriter.Sink) throws {}
}
