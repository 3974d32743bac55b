/// Reads one JSON value from the start of a text, with Go's leniency: what follows the value is ignored, and broken
/// UTF-8 or lone surrogates in strings become U+FFFD.
struct JSONParser {
    /// Deepest nesting accepted; the APIs' own values are five deep, and the parser recurses.
    private static let maximumDepth = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The value at the start of `bytes`.
    static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes)
        parser.skipWhitespace()
        return try parser.value()
    }

    private mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        guard index < bytes.count else { throw unexpectedEnd }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw invalid("looking for beginning of value")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        depth += 1
        guard depth <= Self.maximumDepth else {
            throw .syntax("nested deeper than \(Self.maximumDepth) levels", at: index)
        }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        index += 1
        var members: [JSONValue.Member] = []
        skipWhitespace()
        if try accept(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipWhitespace()
            guard index < bytes.count else { throw unexpectedEnd }
            guard bytes[index] == UInt8(ascii: "\"") else {
                throw invalid("looking for beginning of object key string")
            }
            let key = try string()
            skipWhitespace()
            guard try accept(UInt8(ascii: ":")) else { throw invalid("after object key") }
            skipWhitespace()
            members.append(JSONValue.Member(key: key, value: try value()))
            skipWhitespace()
            if try accept(UInt8(ascii: "}")) { return .object(members) }
            guard try accept(UInt8(ascii: ",")) else { throw invalid("after object key:value pair") }
        }
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        index += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if try accept(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            skipWhitespace()
            elements.append(try value())
            skipWhitespace()
            if try accept(UInt8(ascii: "]")) { return .array(elements) }
            guard try accept(UInt8(ascii: ",")) else { throw invalid("after array element") }
        }
    }

    private mutating func accept(_ byte: UInt8) throws(JSONError) -> Bool {
        guard index < bytes.count else { throw unexpectedEnd }
        guard bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in "\(word)".utf8 {
            guard index < bytes.count else { throw unexpectedEnd }
            guard bytes[index] == byte else { throw invalid("in literal \(word)") }
            index += 1
        }
        return value
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        let isNegative = index > start
        let firstDigit = index
        try digits()
        if bytes[firstDigit] == UInt8(ascii: "0"), index > firstDigit + 1 {
            index = firstDigit + 1
            throw invalid("after leading zero")
        }
        var isInteger = true
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try digits()
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            let signs: [UInt8] = [UInt8(ascii: "+"), UInt8(ascii: "-")]
            if index < bytes.count, signs.contains(bytes[index]) { index += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        guard isInteger else { return .number(text) }
        if isNegative { return Int64(text).map { .negative($0) } ?? .number(text) }
        return UInt64(text).map { .unsigned($0) } ?? .number(text)
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        guard index > start else { throw index < bytes.count ? invalid("in numeric literal") : unexpectedEnd }
    }

    private var unexpectedEnd: JSONError { .syntax("unexpected end of input", at: bytes.count) }

    private func invalid(_ context: String) -> JSONError {
        let byte = bytes[index]
        let shown = byte > 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "0x" + String(byte, radix: 16)
        return .syntax("invalid character \(shown) \(context)", at: index)
    }
}

// Strings.
extension JSONParser {
    private mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: bytes[start..<(index - 1)], as: UTF8.self)
            case UInt8(ascii: "\\"):
                return try stringWithEscapes(from: start)
            case 0..<0x20:
                throw invalid("in string literal")
            default:
                index += 1
            }
        }
        throw unexpectedEnd
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                index += 1
                try escape(into: &text)
            case 0..<0x20:
                throw invalid("in string literal")
            default:
                text.append(byte)
                index += 1
            }
        }
        throw unexpectedEnd
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard index < bytes.count else { throw unexpectedEnd }
        let byte = bytes[index]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            index += 1
            text.append(contentsOf: String(try unicodeScalar()).utf8)
            return
        default: throw invalid("in string escape code")
        }
        index += 1
    }

    /// The scalar of `\uXXXX`, joining a surrogate pair; a lone surrogate is U+FFFD and the next escape stands alone.
    private mutating func unicodeScalar() throws(JSONError) -> UnicodeScalar {
        let unit = try hexadecimalUnit()
        if let scalar = UnicodeScalar(unit) { return scalar }
        let isHigh = unit & 0xFC00 == 0xD800
        guard isHigh, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let afterHigh = index
        index += 2
        let low = try hexadecimalUnit()
        guard low & 0xFC00 == 0xDC00 else {
            index = afterHigh
            return "\u{FFFD}"
        }
        let joined = 0x10000 + ((UInt32(unit) & 0x3FF) << 10) + (UInt32(low) & 0x3FF)
        return UnicodeScalar(joined) ?? "\u{FFFD}"
    }

    private mutating func hexadecimalUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw unexpectedEnd }
            guard let digit = Character(UnicodeScalar(bytes[index])).hexDigitValue, bytes[index] < 0x80 else {
                throw invalid("in \\u hexadecimal character escape")
            }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
