/// A block of S2 put together element by element, beside the data that it stands for.
struct S2Elements {
    private(set) var elements: [UInt8] = []
    private(set) var data: [UInt8] = []
    private(set) var offset = 0

    /// The block: the length of the data, and the elements.
    var block: [UInt8] { S2Elements.varint(data.count) + elements }

    static func varint(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
    }

    /// - Parameter extra: how many bytes the length takes beside the tag, 0 to 4.
    mutating func literal(_ bytes: [UInt8], extra: Int) {
        let value = bytes.count - 1
        if extra == 0 {
            elements.append(UInt8(value) << 2)
        } else {
            elements.append(UInt8(59 + extra) << 2)
            append(value, extra)
        }
        elements += bytes
        data += bytes
    }

    /// A copy of 4 to 11 bytes from 1 to 2047 before.
    mutating func nearCopy(_ offset: Int, _ count: Int) {
        elements += [UInt8(offset >> 8) << 5 | UInt8(count - 4) << 2 | 1, UInt8(offset & 0xff)]
        copy(offset, count)
    }

    /// A copy of 1 to 64 bytes, its offset in two bytes or in four.
    mutating func copy(_ offset: Int, _ count: Int, offsetBytes: Int) {
        elements.append(UInt8(count - 1) << 2 | (offsetBytes == 2 ? 2 : 3))
        append(offset, offsetBytes)
        copy(offset, count)
    }

    /// A copy with the offset of the last.
    /// - Parameter extra: how many bytes the length takes beside the tag, 0 to 3.
    mutating func repeatCopy(_ count: Int, extra: Int) {
        let code = extra == 0 ? count - 4 : 4 + extra
        elements += [UInt8(code) << 2 | 1, 0]
        append(count - [0, 8, 260, 65540][extra], extra)
        copy(offset, count)
    }

    private mutating func append(_ value: Int, _ bytes: Int) {
        if bytes > 0 {
            for index in 0..<bytes { elements.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
    }

    private mutating func copy(_ offset: Int, _ count: Int) {
        self.offset = offset
        for _ in 0..<count { data.append(data[data.count - offset]) }
    }
}
