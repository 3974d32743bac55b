/// Writes protobuf's wire format (protobuf.dev, "Encoding"): fields in the order in which they are written.
///
/// A nested message is written in place after one byte for its length, which is widened when the message came out
/// longer than 127 bytes; most are shorter.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case length = 2
        case fixed32 = 5
    }

    /// Reserves room for a message whose size is about known.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    // MARK: fields

    /// An unsigned number, or an enumeration; zero is written, too.
    mutating func varint(_ field: UInt64, _ value: UInt64) {
        tag(field, .varint)
        appendVarint(value)
    }

    /// A number with a sign, in two's complement of ten bytes when it is negative.
    mutating func int64(_ field: UInt64, _ value: Int64) { varint(field, UInt64(bitPattern: value)) }

    /// Eight bytes, little-endian.
    mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        tag(field, .fixed64)
        append(littleEndian: value, bytes: 8)
    }

    /// Four bytes, little-endian.
    mutating func fixed32(_ field: UInt64, _ value: UInt32) {
        tag(field, .fixed32)
        append(littleEndian: UInt64(value), bytes: 4)
    }

    /// A number with a fraction (IEEE 754, eight bytes).
    mutating func double(_ field: UInt64, _ value: Double) { fixed64(field, value.bitPattern) }

    /// Text.
    mutating func string(_ field: UInt64, _ text: String) {
        tag(field, .length)
        appendVarint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Big-endian bytes of numbers, as ids are written.
    mutating func bigEndian(_ field: UInt64, _ values: UInt64...) {
        tag(field, .length)
        appendVarint(UInt64(values.count * 8))
        for value in values { append(littleEndian: value.byteSwapped, bytes: 8) }
    }

    /// A nested message.
    mutating func message(_ field: UInt64, _ body: (inout ProtobufWriter) -> Void) {
        tag(field, .length)
        let mark = bytes.count
        bytes.append(0)
        body(&self)
        let length = bytes.count - mark - 1
        if length < 0x80 {
            bytes[mark] = UInt8(length)
        } else {
            bytes.replaceSubrange(mark...mark, with: ProtobufWriter.varint(UInt64(length)))
        }
    }

    /// Fixed-width numbers of a repeated field in one piece.
    mutating func packedFixed64(_ field: UInt64, _ values: [UInt64]) {
        if values.isEmpty { return }
        tag(field, .length)
        appendVarint(UInt64(values.count * 8))
        for value in values { append(littleEndian: value, bytes: 8) }
    }

    // MARK: bytes

    private mutating func tag(_ field: UInt64, _ type: WireType) { appendVarint(field << 3 | type.rawValue) }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.appendVarint(value)
        return writer.bytes
    }

    private mutating func append(littleEndian value: UInt64, bytes count: Int) {
        for position in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(position)))) }
    }
}
