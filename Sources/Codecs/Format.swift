/// How a streamed archive is wrapped.
public enum Format: String, Sendable, CaseIterable {
    /// gzip (RFC 1952), with any number of members.
    case gzip
    /// Zstandard (RFC 8878), with any number of frames.
    case zstd
    /// The framed format of S2, and of Snappy, which it contains.
    case s2
    /// Not wrapped at all.
    case raw

    /// As many bytes of the start of a stream as ``init(signature:)`` looks at.
    public static let signatureBytes = 10

    /// Tells the format by the first bytes of a stream; ``raw`` when they are none of the others'.
    public init(signature bytes: some Collection<UInt8>) {
        let bytes = Array(bytes.prefix(Format.signatureBytes))
        if bytes.starts(with: GzipDecoder.signature) {
            self = .gzip
        } else if bytes.count >= 4, ZstdDecoder.isFrame(bytes) {
            self = .zstd
        } else if S2Chunk.identifiers.contains(where: bytes.starts) {
            self = .s2
        } else {
            self = .raw
        }
    }

    /// The levels that an ``EncodingWriter`` knows, fast to small; s2 and raw have but one.
    public var levels: ClosedRange<Int> {
        switch self {
        case .gzip: 1...9
        case .zstd: 1...19
        case .s2, .raw: 1...1
        }
    }
}
