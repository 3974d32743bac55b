/// Writes JSON text piece by piece, without a tree in between.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    /// Whether the innermost object or array has a member already.
    private var needsComma = false

    /// An object with the members that `body` writes.
    mutating func object(_ body: (inout JSONWriter) -> Void) { enclosed("{", "}", body) }

    /// An array with the elements that `body` writes.
    mutating func array(_ body: (inout JSONWriter) -> Void) { enclosed("[", "]", body) }

    /// The name of a member; its value has to follow.
    mutating func key(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Text.
    mutating func string(_ text: String) {
        separate()
        quote(text)
        needsComma = true
    }

    /// A number that fits a double.
    mutating func number(_ value: some BinaryInteger) { plain("\(value)") }

    /// A number of 64 bits, which JSON of protobuf messages has as text.
    mutating func longNumber(_ value: some BinaryInteger) { string("\(value)") }

    /// A number with a fraction; those that JSON lacks are text, as in JSON of protobuf messages.
    mutating func double(_ value: Double) {
        if value.isNaN {
            string("NaN")
        } else if value.isInfinite {
            string(value < 0 ? "-Infinity" : "Infinity")
        } else {
            plain("\(value)")
        }
    }

    /// Yes or no.
    mutating func bool(_ value: Bool) { plain(value ? "true" : "false") }

    private mutating func plain(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    private mutating func enclosed(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) -> Void)
    {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
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
        bytes.append(UInt8(ascii: "\""))
    }
}
