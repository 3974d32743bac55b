/// The 8 bytes that name one span within its trace; never zero.
public struct SpanID: Hashable, Sendable, CustomStringConvertible {
    /// The eight bytes, big-endian.
    public let value: UInt64

    /// The span id with this value, or nil for zero, which no span may have.
    public init?(_ value: UInt64) {
        if value == 0 { return nil }
        self.value = value
    }

    /// The span id of 16 lower-case hexadecimal digits, or nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16, let value = UInt64(lowerHex: text.utf8) else { return nil }
        self.init(value)
    }

    /// A new id, unique in this process.
    public static func random() -> SpanID {
        while true {
            // Zero comes up once in 2^64 ids, hence at most one repetition.
            if let id = SpanID(numbers.next()) { return id }
        }
    }

    private static let numbers = UniqueNumbers()

    /// 16 lower-case hexadecimal digits.
    public var description: String { String(lowerHex: value, digits: 16) }
}
