/// Compresses blocks: a table of the places where each six bytes were seen last, one look a place, and longer strides
/// the longer nothing is found.
@safe final class S2BlockEncoder {
    /// 128 KiB of table: it stays in a core's own cache.
    private static let tableBits = 15
    /// Shorter blocks are not worth the search.
    private static let inputBytesMin = 32
    /// Words are loaded at places up to so far before the end.
    private static let margin = 16
    /// A step more for each so many bytes without a match, as a power of two.
    private static let strideBits = 6

    // Safe: owned by this object.
    private let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 1 << S2BlockEncoder.tableBits)

    deinit { unsafe table.deallocate() }

    /// Compresses `input` into `target`, which has room for it and ``S2Block/slack``.
    /// - Returns: the length of the block; nil when it is not shorter by a thirty-second at least
    func encode(_ input: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard input.count >= S2BlockEncoder.inputBytesMin, let from = input.baseAddress,
            let to = target.baseAddress
        else { return nil }
        unsafe table.update(repeating: 0, count: 1 << S2BlockEncoder.tableBits)
        let length = input.count
        var output = unsafe S2Output(to, limit: length - length / 32)
        output.putLength(length)
        let last = length - S2BlockEncoder.margin
        var emitted = 0
        var offset = 0
        var at = 1
        // Safe: `at` is at most `last`, so words of eight bytes lie within the input, as do those at places before.
        while at <= last {
            let word = unsafe from.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let index = hash(word)
            var start = at
            var match = unsafe Int(table[index])
            unsafe table[index] = UInt32(at)
            if offset > 0, unsafe UInt32(truncatingIfNeeded: word >> 8) == load32(from, at + 1 - offset) {
                start = at + 1
                match = start - offset
            } else if unsafe UInt32(truncatingIfNeeded: word) != load32(from, match) {
                at += 1 + (at - emitted) >> S2BlockEncoder.strideBits
                continue
            }
            while start > emitted, match > 0, unsafe load8(from, start - 1) == load8(from, match - 1) {
                start -= 1
                match -= 1
            }
            guard unsafe output.putLiteral(from + emitted, start - emitted) else { return nil }
            at = unsafe matchEnd(from, start, match, length)
            guard output.putCopy(start - match, at - start, isRepeat: start - match == offset) else { return nil }
            offset = start - match
            emitted = at
            if at <= last {
                // One place within the match, so that what follows it is found again.
                unsafe table[hash(from.loadUnaligned(fromByteOffset: at - 2, as: UInt64.self))] = UInt32(at - 2)
            }
        }
        guard unsafe output.putLiteral(from + emitted, length - emitted) else { return nil }
        return output.count
    }

    /// Where a match that begins at both places ends.
    @inline(__always)
    private func matchEnd(_ from: UnsafeRawPointer, _ start: Int, _ match: Int, _ length: Int) -> Int {
        var at = start
        let distance = start - match
        while at + 8 <= length {
            let now = unsafe from.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let before = unsafe from.loadUnaligned(fromByteOffset: at - distance, as: UInt64.self)
            // Loaded as the machine has them, so that the first byte is the lowest one only when turned.
            let differing = (now ^ before).littleEndian
            if differing != 0 { return at + differing.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < length, unsafe load8(from, at) == load8(from, at - distance) { at += 1 }
        return at
    }

    /// Of the first six bytes.
    @inline(__always)
    private func hash(_ word: UInt64) -> Int {
        Int(truncatingIfNeeded: (word << 16 &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - S2BlockEncoder.tableBits))
    }

    @inline(__always)
    private func load32(_ from: UnsafeRawPointer, _ at: Int) -> UInt32 {
        unsafe from.loadUnaligned(fromByteOffset: at, as: UInt32.self)
    }

    @inline(__always)
    private func load8(_ from: UnsafeRawPointer, _ at: Int) -> UInt8 {
        unsafe from.load(fromByteOffset: at, as: UInt8.self)
    }
}
