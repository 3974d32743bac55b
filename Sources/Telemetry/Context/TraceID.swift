/// The 16 bytes that all spans of one trace share; never all zero.
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    /// The trace id with these halves, or nil when both are zero, which no trace may have.
    public init?(high: UInt64, low: UInt64) {
        if high == 0 && low == 0 { return nil }
        self.high = high
        self.low = low
    }

    /// The trace id of 32 lower-case hexadecimal digits, or nil for any other text.
    public init?(_ text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 32, let high = UInt64(lowerHex: digits.prefix(16)),
            let low = UInt64(lowerHex: digits.dropFirst(16))
        else { return nil }
        self.init(high: high, low: low)
    }

    /// A new id, random in all its bits, so that the random flag may be set with it.
    public static func random() -> TraceID {
        while true {
            // One in 2^128 draws is repeated.
            if let id = TraceID(high: highs.next(), low: lows.next()) { return id }
        }
    }

    private static let highs = UniqueNumbers()
    private static let lows = UniqueNumbers()

    /// 32 lower-case hexadecimal digits.
    public var description: String {
        String(lowerHex: high, digits: 16) + String(lowerHex: low, digits: 16)
    }
}
