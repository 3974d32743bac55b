/// The value of an attribute, with its type.
public enum AttributeValue: Hashable, Sendable, Codable {
    /// A whole number.
    case int(Int64)
    /// A number with a fraction.
    case double(Double)
    /// Yes or no.
    case bool(Bool)
    /// Text.
    case string(String)
    /// Several texts, in order.
    case strings([String])
}

/// A type whose values can be put on a span.
public protocol AttributeConvertible {
    /// The value as it is stored.
    var attributeValue: AttributeValue { get }
}

extension AttributeConvertible where Self: BinaryInteger {
    /// The number; beyond the range of 64 bits with a sign, the nearest end of that range.
    @inlinable public var attributeValue: AttributeValue { .int(Int64(clamping: self)) }
}

extension Int: AttributeConvertible {}
extension Int32: AttributeConvertible {}
extension Int64: AttributeConvertible {}
extension UInt: AttributeConvertible {}
extension UInt16: AttributeConvertible {}
extension UInt32: AttributeConvertible {}
extension UInt64: AttributeConvertible {}

extension Double: AttributeConvertible {
    /// The number.
    @inlinable public var attributeValue: AttributeValue { .double(self) }
}

extension Bool: AttributeConvertible {
    /// Yes or no.
    @inlinable public var attributeValue: AttributeValue { .bool(self) }
}

extension String: AttributeConvertible {
    /// The text.
    @inlinable public var attributeValue: AttributeValue { .string(self) }
}

extension [String]: AttributeConvertible {
    /// The texts.
    @inlinable public var attributeValue: AttributeValue { .strings(self) }
}

extension AttributeValue: AttributeConvertible {
    /// The value itself.
    @inlinable public var attributeValue: AttributeValue { self }
}

extension AttributeValue {
    /// The number of bytes that the value holds beside its own size.
    var heapSize: Int {
        switch self {
        case .int, .double, .bool: 0
        case .string(let text): text.utf8.count
        case .strings(let texts): texts.reduce(0) { $0 + $1.utf8.count + 16 }
        }
    }

    /// Whether a span may hold the value as it is.
    @inline(__always)
    var isWithinLimits: Bool {
        switch self {
        case .int, .double, .bool: true
        case .string(let text): text.utf8.count <= SpanLimits.valueBytes
        case .strings(let texts):
            texts.count <= SpanLimits.valueCount && texts.allSatisfy { $0.utf8.count <= SpanLimits.valueBytes }
        }
    }

    /// The value with its texts cut at a whole character to what a span may hold.
    var limited: AttributeValue {
        switch self {
        case .int, .double, .bool: self
        case .string(let text): .string(text.cut(toBytes: SpanLimits.valueBytes))
        case .strings(let texts):
            .strings(texts.prefix(SpanLimits.valueCount).map { $0.cut(toBytes: SpanLimits.valueBytes) })
        }
    }
}

extension String {
    /// The longest prefix of whole characters within a number of UTF-8 bytes.
    func cut(toBytes limit: Int) -> String {
        if utf8.count <= limit { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
