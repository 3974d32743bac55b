/// Hexadecimal as trace headers have it: fixed width, lower case only.
extension UInt64 {
    /// The number of at most 16 lower-case hexadecimal digits, or nil if there is any other byte or none.
    init?(lowerHex digits: some Sequence<UInt8>) {
        var value: UInt64 = 0
        var count = 0
        for digit in digits {
            let nibble: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            count += 1
            if count > 16 { return nil }
            value = value << 4 | UInt64(nibble)
        }
        if count == 0 { return nil }
        self = value
    }
}

extension String {
    /// The low digits of a number, padded with zeros.
    init(lowerHex value: UInt64, digits: Int) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits)
        bytes.append(lowerHex: value, digits: digits)
        self = String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends the low digits of a number, padded with zeros.
    mutating func append(lowerHex value: UInt64, digits: Int) {
        append(contentsOf: repeatElement(0, count: digits))
        var rest = value
        var position = count
        for _ in 0..<digits {
            position -= 1
            let nibble = UInt8(truncatingIfNeeded: rest & 0xF)
            self[position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            rest >>= 4
        }
    }
}
