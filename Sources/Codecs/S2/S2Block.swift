/// The block format: the length of the data as a varint, then literals and copies of what came before.
///
/// The low two bits of an element's first byte tell its kind, as in Snappy's format description:
///
///     00  literal: its length - 1 in six bits up to 59, or 60...63 for 1...4 bytes of it that follow
///     01  copy: length - 4 in three bits, 11 bits of offset; with the offset 0, S2's repeat of the last offset, whose
///         three bits 5, 6, 7 stand for 8, 260, 65540 and 1, 2, 3 more bytes of length
///     10  copy: length - 1 in six bits, two bytes of offset
///     11  copy: length - 1 in six bits, four bytes of offset
enum S2Block {
    /// The bytes behind both buffers that may be read and written beyond the data, though they mean nothing: copies go
    /// by 16 bytes at a time.
    static let slack = 64

    static let literal: UInt8 = 0
    static let nearCopy: UInt8 = 1
    static let copy: UInt8 = 2
    static let farCopy: UInt8 = 3

    /// A repeat's three bits from which on more bytes of length follow, one more each.
    static let repeatExtended: UInt8 = 5

    /// What the length of a repeat is counted from that has one, two or three such bytes.
    @inline(__always)
    static func repeatLengthMin(_ bytes: Int) -> Int { bytes == 1 ? 8 : bytes == 2 ? 260 : 65540 }

    /// What is wrong with a block.
    enum Fault: String, Error, CustomStringConvertible {
        case length = "a block without a length"
        case tooLong = "a block that is too long"
        case cut = "an element that goes beyond its block"
        case overrun = "more data than the block's length says"
        case offset = "a copy of what is before the block"
        case short = "less data than the block's length says"

        var description: String { rawValue }
    }
}
