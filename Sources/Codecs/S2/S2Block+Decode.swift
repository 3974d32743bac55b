extension S2Block {
    private typealias Word = SIMD16<UInt8>

    /// Decodes one block.
    /// - Parameters:
    ///   - block: with ``slack`` readable bytes behind it.
    ///   - target: with room for `limit` bytes and ``slack`` more.
    /// - Returns: the length of the data
    static func decode(
        _ block: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, limit: Int
    ) throws(Fault) -> Int {
        var at = 0
        let length = unsafe try readLength(block, &at)
        if length > limit { throw .tooLong }
        guard length > 0, let from = block.baseAddress, let to = target.baseAddress else {
            if at < block.count { throw .overrun }
            return 0
        }
        let end = block.count
        var done = 0
        var offset = 0
        // Safe: `at` stays below `end` and `done` at most `length`, both checked in every turn; what is read or written
        // beyond them, at most 16 bytes, is slack.
        while at < end {
            let tag = unsafe from.load(fromByteOffset: at, as: UInt8.self)
            if tag & 3 == literal {
                let count = unsafe try readLiteral(tag, from, &at, end)
                if count > length - done { throw .overrun }
                unsafe move(from + at, to + done, count)
                at += count
                done += count
                continue
            }
            let count = unsafe try readCopy(tag, from, &at, end, &offset)
            if offset == 0 || offset > done { throw .offset }
            if count > length - done { throw .overrun }
            unsafe repeatBytes(to + done, offset, count)
            done += count
        }
        if done < length { throw .short }
        return length
    }

    /// A varint of up to five bytes (32 bits).
    private static func readLength(_ block: UnsafeRawBufferPointer, _ at: inout Int) throws(Fault) -> Int {
        var value = 0
        for shift in stride(from: 0, through: 28, by: 7) {
            guard at < block.count else { throw .length }
            let byte = unsafe block[at]
            at += 1
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 {
                if value > UInt32.max { throw .length }
                return value
            }
        }
        throw .length
    }

    /// The length of a literal, whose bytes are all there.
    @inline(__always)
    private static func readLiteral(
        _ tag: UInt8, _ from: UnsafeRawPointer, _ at: inout Int, _ end: Int
    ) throws(Fault) -> Int {
        var count = Int(tag >> 2)
        at += 1
        if count >= 60 {
            let bytes = count - 59
            // Safe: at most four bytes of slack.
            let word = unsafe UInt32(littleEndian: from.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            count = Int(word & UInt32.max >> (32 - 8 * UInt32(bytes)))
            at += bytes
        }
        count += 1
        if count > end - at { throw .cut }
        return count
    }

    /// The length of a copy; `offset` is left when it is a repeat.
    @inline(__always)
    private static func readCopy(
        _ tag: UInt8, _ from: UnsafeRawPointer, _ at: inout Int, _ end: Int, _ offset: inout Int
    ) throws(Fault) -> Int {
        // Safe: the element's first byte is there; the four behind it may be slack, which the check at the end finds.
        let word = unsafe UInt32(littleEndian: from.loadUnaligned(fromByteOffset: at + 1, as: UInt32.self))
        var count = Int(tag >> 2) + 1
        switch tag & 3 {
        case nearCopy:
            at += 2
            let near = Int(tag & 0xe0) << 3 | Int(word & 0xff)
            let bits = tag >> 2 & 7
            count = Int(bits) + 4
            if near > 0 {
                offset = near
            } else if bits >= repeatExtended {
                let bytes = Int(bits - repeatExtended) + 1
                count = repeatLengthMin(bytes) + Int(word >> 8 & UInt32.max >> (32 - 8 * UInt32(bytes)))
                at += bytes
            }
        case copy:
            at += 3
            offset = Int(word & 0xffff)
        default:
            at += 5
            offset = Int(word)
        }
        if at > end { throw .cut }
        return count
    }

    /// Copies bytes that do not overlap.
    @inline(__always)
    private static func move(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int) {
        if count <= 16 {
            unsafe to.storeBytes(of: from.loadUnaligned(as: Word.self), as: Word.self)
        } else {
            unsafe to.copyMemory(from: from, byteCount: count)
        }
    }

    /// Copies `count` bytes from `offset` before `to`, in order, so that what is written may be read again.
    @inline(__always)
    private static func repeatBytes(_ to: UnsafeMutableRawPointer, _ offset: Int, _ count: Int) {
        var distance = offset
        var done = 0
        if distance < 8 {
            // Bytes of a short period are those of its multiples: from eight on, words can be moved.
            while distance < 8 { distance += offset }
            while done < min(count, distance - offset) {
                let byte = unsafe to.load(fromByteOffset: done - offset, as: UInt8.self)
                unsafe to.storeBytes(of: byte, toByteOffset: done, as: UInt8.self)
                done += 1
            }
        }
        if distance >= 16 {
            while done < count {
                let word = unsafe to.loadUnaligned(fromByteOffset: done - distance, as: Word.self)
                unsafe to.storeBytes(of: word, toByteOffset: done, as: Word.self)
                done += 16
            }
        } else {
            while done < count {
                let word = unsafe to.loadUnaligned(fromByteOffset: done - distance, as: UInt64.self)
                unsafe to.storeBytes(of: word, toByteOffset: done, as: UInt64.self)
                done += 8
            }
        }
    }
}
