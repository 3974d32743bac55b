/// Decodes one stream, of one format.
protocol StreamDecoder: AnyObject {
    /// Decodes into a part of `target`, which is not empty: at least one byte, or none at the end.
    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int
}

/// The decoder of a stream; that of its first bytes when the format is nil.
func makeDecoder(_ format: Format?, source: @escaping DecodingReader.Source) -> any StreamDecoder {
    unsafe makeDecoder(format, Input(source))
}

private func makeDecoder(_ format: Format?, _ input: Input) -> any StreamDecoder {
    switch format {
    case .gzip: GzipDecoder(input)
    case .zstd: ZstdDecoder(input)
    case .s2: S2Decoder(input)
    case .raw: RawDecoder(input)
    case nil: DetectingDecoder(input)
    }
}

/// Leaves a stream as it is.
final class RawDecoder: StreamDecoder {
    private let input: Input

    init(_ input: Input) { self.input = input }

    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int { unsafe try input.read(into: target) }
}

/// Takes a stream for what its first bytes say.
final class DetectingDecoder: StreamDecoder {
    private let input: Input
    private var decoder: (any StreamDecoder)?

    init(_ input: Input) { self.input = input }

    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if let decoder { return unsafe try decoder.decode(into: target) }
        _ = try input.require(Format.signatureBytes)
        let decoder = unsafe makeDecoder(Format(signature: input.unread), input)
        self.decoder = decoder
        return unsafe try decoder.decode(into: target)
    }
}
