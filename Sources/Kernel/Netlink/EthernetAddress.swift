/// An Ethernet (MAC) address.
public struct EthernetAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six bytes in transmission order.
    public let bytes: [UInt8]

    /// The locally administered address `02:61:a:b:c:d` of the host with IPv4 address a.b.c.d.
    ///
    /// Since the last four bytes repeat the IPv4 address, a firewall can tell a forged source without knowing any
    /// single container.
    public init(of address: IPv4Address) { bytes = [0x02, 0x61] + address.bytes }

    /// `02:61:0a:50:00:02`.
    public var description: String { bytes.map(hexadecimal).joined(separator: ":") }
}

/// Two hexadecimal digits, lower case.
func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
}
