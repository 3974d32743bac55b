internal import Synchronization

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

    /// A new id, unique in this process and random in its start.
    ///
    /// A counter in odd steps through a bijective mixing function (SplitMix64): no two equal ids from one process,
    /// and no system call for each span, which would cost more than the rest of it.
    public static func random() -> SpanID {
        while true {
            let count = nextSpan.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
            var mixed = count
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            // Zero comes up once in 2^64 ids, hence at most one repetition.
            if let id = SpanID(mixed ^ (mixed >> 31)) { return id }
        }
    }

    /// 16 lower-case hexadecimal digits.
    public var description: String { String(lowerHex: value, digits: 16) }
}

private let nextSpan: Atomic<UInt64> = {
    var generator = SystemRandomNumberGenerator()
    return Atomic(generator.next())
}()
