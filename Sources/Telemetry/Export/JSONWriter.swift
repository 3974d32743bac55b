/// Writes JSON text piece by piece, without a tree in between, and numbers without text in between.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    /// Whether the innermost object or array has a member already.
    private var needsComma = false

    /// Reserves room for a text whose size is about known.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// An object with the members that `body` writes.
    @inline(__always)
    mutating func object(_ body: (inout JSONWriter) -> Void) {
        open(UInt8(ascii: "{"))
        body(&self)
        close(UInt8(ascii: "}"))
    }

    /// An array with the elements that `body` writes.
    @inline(__always)
    mutating func array(_ body: (inout JSONWriter) -> Void) {
        open(UInt8(ascii: "["))
        body(&self)
        close(UInt8(ascii: "]"))
    }

    /// The name of a member, which needs no escapes; its value has to follow.
    mutating func key(_ name: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Text.
    mutating func string(_ text: String) {
        separate()
        quote(text)
        needsComma = true
    }

    /// Numbers in hexadecimal, 16 digits each, as ids are written.
    mutating func hex(_ values: UInt64...) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for value in values { bytes.append(lowerHex: value, digits: 16) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A number that fits a double.
    mutating func number(_ value: Int) {
        separate()
        digits(Int64(value))
        needsComma = true
    }

    /// A number of 64 bits, which JSON of protobuf messages has as text.
    mutating func longNumber(_ value: Int64) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        digits(value)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// As above.
    mutating func longNumber(_ value: UInt64) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(decimal: value)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A number with a fraction; those that JSON lacks are text, as in JSON of protobuf messages.
    mutating func double(_ value: Double, isMember: Bool = true) {
        if value.isNaN {
            raw("\"NaN\"", isMember: isMember)
        } else if value.isInfinite {
            raw(value < 0 ? "\"-Infinity\"" : "\"Infinity\"", isMember: isMember)
        } else {
            raw(value.description, isMember: isMember)
        }
    }

    /// Yes or no.
    mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    // MARK: pieces

    /// Text that is JSON already.
    /// - Parameter isMember: whether a comma stands between it and what comes before
    @inline(__always)
    mutating func raw(_ text: String, isMember: Bool = true) {
        if isMember { separate() }
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    /// The digits of a number.
    mutating func digits(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(decimal: value.magnitude)
    }

    /// The digits of a number.
    mutating func digits(_ value: UInt64) { bytes.append(decimal: value) }

    /// The 16 hexadecimal digits of a number.
    mutating func hexDigits(_ value: UInt64) { bytes.append(lowerHex: value, digits: 16) }

    private mutating func open(_ sign: UInt8) {
        separate()
        bytes.append(sign)
        needsComma = false
    }

    private mutating func close(_ sign: UInt8) {
        bytes.append(sign)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    /// Text in quotation marks. Nearly none needs escapes: it is copied as a whole, looked through where it lies, and
    /// written again if it does.
    mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        if needsEscapes(from: start) {
            bytes.removeSubrange(start...)
            escape(text)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func needsEscapes(from start: Int) -> Bool {
        let text = bytes.span.extracting(start...)
        // Without a way out of the loop, so that the compiler takes many bytes at once.
        var result = false
        for position in 0..<text.count { result = text[position].needsEscape || result }
        return result
    }

    private mutating func escape(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u".utf8)
                bytes.append(lowerHex: UInt64(byte), digits: 4)
            default: bytes.append(byte)
            }
        }
    }
}

extension UInt8 {
    /// Whether it cannot stand in a text of JSON as it is; DEL could, but is nothing to look at.
    @inline(__always)
    fileprivate var needsEscape: Bool { self < 0x20 || self == 0x22 || self == 0x5C || self == 0x7F }
}

extension [UInt8] {
    /// Appends the digits of a number.
    mutating func append(decimal value: UInt64) {
        var count = 1
        var bound: UInt64 = 10
        // The largest number has 20 digits, and the bound beyond it does not fit.
        while count < 20, value >= bound {
            count += 1
            bound &*= 10
        }
        append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count))
        var rest = value
        var position = self.count - 1
        // Two at a time, since each division waits for the one before.
        while rest >= 10 {
            let (next, pair) = rest.quotientAndRemainder(dividingBy: 100)
            self[position] += UInt8(truncatingIfNeeded: pair % 10)
            self[position - 1] += UInt8(truncatingIfNeeded: pair / 10)
            position -= 2
            rest = next
        }
        if rest > 0 { self[position] += UInt8(truncatingIfNeeded: rest) }
    }
}
