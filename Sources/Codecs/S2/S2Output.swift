/// The elements of a block as they are written.
@safe struct S2Output {
    // Safe: every write is within `limit` and the slack behind it: `hasRoom`.
    private let to: UnsafeMutableRawPointer
    private let limit: Int
    private(set) var count = 0

    /// The most that the tag of a literal, or a copy and its repeat, take.
    private static let elementBytesMax = 16

    /// - Parameter limit: how long the block may become; ``S2Block/slack`` bytes more can be written.
    init(_ to: UnsafeMutableRawPointer, limit: Int) {
        unsafe self.to = unsafe to
        self.limit = limit
    }

    /// The length of the data, as a varint.
    mutating func putLength(_ length: Int) {
        var rest = length
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(rest))
    }

    /// - Returns: false when the block becomes too long
    @inline(__always)
    mutating func putLiteral(_ bytes: UnsafeRawPointer, _ length: Int) -> Bool {
        if length == 0 { return true }
        if count + length + S2Output.elementBytesMax > limit { return false }
        let value = length - 1
        if value < 60 {
            put(UInt8(value) << 2 | S2Block.literal)
        } else {
            let extra = value < 1 << 8 ? 1 : value < 1 << 16 ? 2 : value < 1 << 24 ? 3 : 4
            put(UInt8(59 + extra) << 2 | S2Block.literal)
            putBytes(value, extra)
        }
        unsafe (to + count).copyMemory(from: bytes, byteCount: length)
        count += length
        return true
    }

    /// A copy of at least four bytes.
    /// - Parameter isRepeat: whether the last copy had the same offset.
    /// - Returns: false when the block becomes too long
    @inline(__always)
    mutating func putCopy(_ offset: Int, _ length: Int, isRepeat: Bool) -> Bool {
        if count + S2Output.elementBytesMax > limit { return false }
        if isRepeat {
            putRepeat(offset, length)
        } else if offset < 1 << 11, length < 12 {
            putNear(offset, length)
        } else if offset < 1 << 11, length > 64 {
            // The repeat says so much in the same bytes.
            putNear(offset, 8)
            putRepeat(offset, length - 8)
        } else {
            // Only so long that a repeat, which has at least four bytes, can take the rest.
            let isNear = offset < 1 << 16
            let first = length <= 64 ? length : min(64, length - 4)
            put(UInt8(first - 1) << 2 | (isNear ? S2Block.copy : S2Block.farCopy))
            putBytes(offset, isNear ? 2 : 4)
            if length > first { putRepeat(offset, length - first) }
        }
        return true
    }

    /// A copy of at least four bytes with the offset of the last.
    private mutating func putRepeat(_ offset: Int, _ length: Int) {
        if length > 8, length < 12, offset < 1 << 11 {
            putNear(offset, length)
            return
        }
        if length <= 8 {
            put(UInt8(length - 4) << 2 | S2Block.nearCopy)
            put(0)
            return
        }
        // Of the ways to say a length, the shortest; the longest reaches over every block of ours.
        let extra = length < S2Block.repeatLengthMin(2) ? 1 : length < S2Block.repeatLengthMin(3) ? 2 : 3
        put((S2Block.repeatExtended + UInt8(extra - 1)) << 2 | S2Block.nearCopy)
        put(0)
        putBytes(length - S2Block.repeatLengthMin(extra), extra)
    }

    private mutating func putNear(_ offset: Int, _ length: Int) {
        put(UInt8(offset >> 8) << 5 | UInt8(length - 4) << 2 | S2Block.nearCopy)
        put(UInt8(truncatingIfNeeded: offset))
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        unsafe to.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    /// The low bytes of a value, least first.
    @inline(__always)
    private mutating func putBytes(_ value: Int, _ bytes: Int) {
        for index in 0..<bytes { put(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
}
