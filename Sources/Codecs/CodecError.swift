/// An encoded stream that cannot be decoded, or a coder that could not be made.
public struct CodecError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the stream.
    public enum Kind: String, Sendable {
        /// It ends too early.
        case truncated
        /// It does not follow its format.
        case damaged
        /// Its data is not what its checksum says.
        case checksum
        /// Something follows its end that is not of its format.
        case garbage
        /// It needs something that is not offered: a window over 128 MiB, a dictionary, an unknown kind of chunk.
        case unsupported
        /// The coder itself failed, as for want of memory.
        case failed
    }

    /// What is wrong with the stream.
    public let kind: Kind
    /// The format it was taken for.
    public let format: Format
    /// The byte of the encoded stream, counted from 0, at which it was found, or the start of the part that it is in.
    public let offset: UInt64
    /// What was found, as a part of a sentence.
    public let detail: String

    /// `gzip stream damaged at byte 17: invalid block type`.
    public var description: String {
        switch kind {
        case .truncated: "\(format) stream truncated at byte \(offset): \(detail)"
        case .damaged, .checksum: "\(format) stream damaged at byte \(offset): \(detail)"
        case .garbage: "garbage after the end of the \(format) stream at byte \(offset): \(detail)"
        case .unsupported: "\(format) stream not supported at byte \(offset): \(detail)"
        case .failed: "\(format) coder failed at byte \(offset): \(detail)"
        }
    }
}
