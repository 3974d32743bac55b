/// Reads protobuf's wire format from a peer that may send anything: every length is checked, nothing is allocated on
/// its word.
struct ProtobufReader {
    /// One field: its number and what was there.
    enum Field: Equatable {
        case number(UInt64, UInt64)
        case bytes(UInt64, ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end, and where the rest makes no sense.
    mutating func next() -> Field? {
        guard let tag = varint() else { return nil }
        let field = tag >> 3
        switch tag & 7 {
        case 0: return varint().map { .number(field, $0) }
        case 1: return fixed(8).map { .number(field, $0) }
        case 5: return fixed(4).map { .number(field, $0) }
        case 2:
            guard let length = varint(), length <= UInt64(rest.count) else { return nil }
            defer { rest = rest.dropFirst(Int(length)) }
            return .bytes(field, rest.prefix(Int(length)))
        default: return nil
        }
    }

    /// Where the next field would begin, as an index of the whole.
    var position: Int { rest.startIndex }

    /// Hands all fields to `body` until it answers false; false then, and where something makes no sense.
    static func readAll(_ bytes: ArraySlice<UInt8>, _ body: (Field) -> Bool) -> Bool {
        var reader = ProtobufReader(bytes)
        while !reader.rest.isEmpty {
            guard let field = reader.next(), body(field) else { return false }
        }
        return true
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        // Ten groups of seven bits hold 64.
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func fixed(_ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
