/// An IPv4 address.
public struct IPv4Address: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The address as a number in host byte order: 10.80.0.1 is 0x0a500001.
    public let rawValue: UInt32

    /// Wraps a number in host byte order.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Reads four decimal numbers from 0 to 255 with dots between, without leading zeros; nil for anything else.
    ///
    /// Leading zeros are refused because inet_aton(3) reads such numbers as octal.
    public init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let byte = decimal(part, most: 255) else { return nil }
            value = value << 8 | byte
        }
        rawValue = value
    }

    /// The four bytes in network order, as in packets and netlink attributes.
    public var bytes: [UInt8] {
        [
            UInt8(truncatingIfNeeded: rawValue >> 24), UInt8(truncatingIfNeeded: rawValue >> 16),
            UInt8(truncatingIfNeeded: rawValue >> 8), UInt8(truncatingIfNeeded: rawValue),
        ]
    }

    /// Whether the address is in 127.0.0.0/8.
    public var isLoopback: Bool { rawValue >> 24 == 127 }

    /// `10.80.0.1`.
    public var description: String {
        "\(rawValue >> 24).\(rawValue >> 16 & 0xff).\(rawValue >> 8 & 0xff).\(rawValue & 0xff)"
    }

    /// Orders by number.
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.rawValue < right.rawValue }
}

/// A block of IPv4 addresses that share their first bits, written `10.80.0.0/16`.
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the block; all bits after the prefix are zero.
    public let network: IPv4Address
    /// How many leading bits the addresses share, 0 to 32.
    public let prefixLength: UInt8

    /// The block that contains `address`; bits of it after the prefix are dropped.
    public init(containing address: IPv4Address, prefixLength: UInt8) {
        precondition(prefixLength <= 32, "an IPv4 prefix has at most 32 bits")
        self.prefixLength = prefixLength
        network = IPv4Address(rawValue: address.rawValue & CIDR.mask(prefixLength))
    }

    /// Reads `a.b.c.d/n`; nil for anything else. Bits after the prefix are dropped, as the stock worker does.
    public init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/"),
            let address = IPv4Address(text[..<slash]),
            let length = decimal(text[text.index(after: slash)...].utf8, most: 32)
        else { return nil }
        self.init(containing: address, prefixLength: UInt8(length))
    }

    /// The number of addresses in the block, the first and the last included.
    public var count: UInt64 { 1 << UInt64(32 - prefixLength) }

    /// The last address of the block, the broadcast address of a subnet.
    public var last: IPv4Address { IPv4Address(rawValue: network.rawValue | ~CIDR.mask(prefixLength)) }

    /// Whether the address is one of the block's.
    public func contains(_ address: IPv4Address) -> Bool {
        address.rawValue & CIDR.mask(prefixLength) == network.rawValue
    }

    /// Whether the two blocks have an address in common.
    public func overlaps(_ other: CIDR) -> Bool { contains(other.network) || other.contains(network) }

    /// `10.80.0.0/16`.
    public var description: String { "\(network)/\(prefixLength)" }

    private static func mask(_ length: UInt8) -> UInt32 { length == 0 ? 0 : ~0 << UInt32(32 - length) }
}

/// The value of one to three decimal digits without a leading zero, or nil.
private func decimal(_ digits: some Collection<UInt8>, most: UInt32) -> UInt32? {
    guard (1...3).contains(digits.count) else { return nil }
    guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    var value: UInt32 = 0
    for digit in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        value = value * 10 + UInt32(digit - UInt8(ascii: "0"))
    }
    return value <= most ? value : nil
}
