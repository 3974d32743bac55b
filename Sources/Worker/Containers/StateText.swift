/// Writes a value as JSON text in one go, in the order in which it encodes itself.
///
/// The encoder of Foundation makes a tree of objects first and then sorts it: for the two small files that every
/// container writes that cost more than the system calls that write them. What this writes is read by anybody's decoder.
final class StateText: Encoder {
    /// The text of a value.
    /// - Throws: `EncodingError` for a number that JSON cannot express
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let text = StateText()
        try text.write(value)
        return text.bytes
    }

    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private var bytes: [UInt8] = []
    /// The objects and lists that are being written, the innermost last.
    private var open: [(end: UInt8, isEmpty: Bool)] = []

    private init() { bytes.reserveCapacity(1024) }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(StateObject<Key>(text: self, depth: begin("{", "}")))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer { StateList(text: self, depth: begin("[", "]")) }
    func singleValueContainer() -> any SingleValueEncodingContainer { StateValue(text: self) }

    /// Writes a whole value; whatever it opens is closed behind it.
    func write(_ value: some Encodable) throws {
        let depth = open.count
        try value.encode(to: self)
        close(to: depth)
    }

    func write(plain text: some StringProtocol) { bytes.append(contentsOf: text.utf8) }

    func write(_ number: Double) throws {
        guard number.isFinite else {
            throw EncodingError.invalidValue(number, .init(codingPath: [], debugDescription: "JSON has no such number"))
        }
        write(plain: number.description)
    }

    func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += "\\u00".utf8 + [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Begins the next element of the list or object at a depth; what is open within it has come to its end.
    func beginElement(at depth: Int, key: String? = nil) {
        close(to: depth)
        if !open[depth - 1].isEmpty { bytes.append(UInt8(ascii: ",")) }
        open[depth - 1].isEmpty = false
        guard let key else { return }
        write(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private func begin(_ start: Unicode.Scalar, _ end: Unicode.Scalar) -> Int {
        bytes.append(UInt8(ascii: start))
        open.append((UInt8(ascii: end), true))
        return open.count
    }

    private func close(to depth: Int) {
        while open.count > depth, let last = open.popLast() { bytes.append(last.end) }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}

private struct StateObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let text: StateText
    let depth: Int
    var codingPath: [any CodingKey] { [] }

    private func begin(_ key: Key) { text.beginElement(at: depth, key: key.stringValue) }

    func encodeNil(forKey key: Key) {
        begin(key)
        text.write(plain: "null")
    }
    func encode(_ value: String, forKey key: Key) {
        begin(key)
        text.write(value)
    }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        begin(key)
        try text.write(value)
    }
    func nestedContainer<Inner: CodingKey>(
        keyedBy type: Inner.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Inner> {
        begin(key)
        return text.container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        begin(key)
        return text.unkeyedContainer()
    }
    func superEncoder() -> any Encoder { text }
    func superEncoder(forKey key: Key) -> any Encoder {
        begin(key)
        return text
    }
}

private struct StateList: UnkeyedEncodingContainer {
    let text: StateText
    let depth: Int
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(text: StateText, depth: Int) {
        self.text = text
        self.depth = depth
    }

    private mutating func begin() {
        text.beginElement(at: depth)
        count += 1
    }

    mutating func encodeNil() {
        begin()
        text.write(plain: "null")
    }
    mutating func encode(_ value: String) {
        begin()
        text.write(value)
    }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        begin()
        try text.write(value)
    }
    mutating func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedEncodingContainer<Inner> {
        begin()
        return text.container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        begin()
        return text.unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder {
        begin()
        return text
    }
}

private struct StateValue: SingleValueEncodingContainer {
    let text: StateText
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { text.write(plain: "null") }
    func encode(_ value: Bool) { text.write(plain: value ? "true" : "false") }
    func encode(_ value: String) { text.write(value) }
    func encode(_ value: Double) throws { try text.write(value) }
    func encode(_ value: Float) throws { try text.write(Double(value)) }
    func encode(_ value: Int) { text.write(plain: String(value)) }
    func encode(_ value: Int8) { text.write(plain: String(value)) }
    func encode(_ value: Int16) { text.write(plain: String(value)) }
    func encode(_ value: Int32) { text.write(plain: String(value)) }
    func encode(_ value: Int64) { text.write(plain: String(value)) }
    func encode(_ value: UInt) { text.write(plain: String(value)) }
    func encode(_ value: UInt8) { text.write(plain: String(value)) }
    func encode(_ value: UInt16) { text.write(plain: String(value)) }
    func encode(_ value: UInt32) { text.write(plain: String(value)) }
    func encode(_ value: UInt64) { text.write(plain: String(value)) }
    func encode<Value: Encodable>(_ value: Value) throws { try text.write(value) }
}
