/// An IPv4 or IPv6 address as text that was checked.
struct InternetAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address in network order: 4 or 16 bytes.
    let bytes: [UInt8]
    /// As it was written.
    let description: String

    /// Whether it has four bytes.
    var isIPv4: Bool { bytes.count == 4 }
    /// Whether only this host reaches it: 127.0.0.0/8 and ::1.
    var isLoopback: Bool { isIPv4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1] }

    /// Reads `10.80.0.1` or `fd9c::1`; nil for anything else, a zone included.
    init?(_ text: String) {
        guard let bytes = text.contains(":") ? Self.version6(text) : Self.version4(text) else { return nil }
        self.bytes = bytes
        description = text
    }

    private static func version4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { part -> UInt8? in
            // A leading zero means octal to some readers, so it is refused.
            let isPlain = part.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard isPlain, part.count == 1 || !part.hasPrefix("0") else { return nil }
            return UInt8(part)
        }
        return bytes.count == 4 ? bytes : nil
    }

    private static func version6(_ text: String) -> [UInt8]? {
        let gaps = zip(text.indices, text.indices.dropFirst()).filter { text[$0] == ":" && text[$1] == ":" }
        guard let gap = gaps.first?.0 else {
            let whole = groups(text[...])
            return whole?.count == 16 ? whole : nil
        }
        // The zeros between front and back stand for at least one group.
        guard gaps.count == 1, let front = groups(text[..<gap]),
            let back = groups(text[text.index(gap, offsetBy: 2)...]),
            front.count + back.count <= 14
        else { return nil }
        return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
    }

    /// The bytes of groups between colons; the last may be an IPv4 address.
    private static func groups(_ text: Substring) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        for (index, part) in parts.enumerated() {
            if part.contains("."), index == parts.count - 1 {
                guard let tail = version4(String(part)) else { return nil }
                bytes += tail
            } else {
                guard 1...4 ~= part.utf8.count, part.allSatisfy(\.isHexDigit), let group = UInt16(part, radix: 16)
                else {
                    return nil
                }
                bytes += [UInt8(group >> 8), UInt8(group & 0xff)]
            }
        }
        return bytes.count <= 16 ? bytes : nil
    }
}

/// A block of addresses in CIDR notation.
struct AddressBlock: Sendable, Hashable, CustomStringConvertible {
    /// The address before the slash.
    let address: InternetAddress
    /// Leading bits that all addresses of the block share.
    let prefixLength: Int

    /// Reads `10.80.0.0/16` or `fd9c:31a6:c759::/64`; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = InternetAddress(String(parts[0])),
            parts[1].utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let length = Int(parts[1]),
            length <= address.bytes.count * 8
        else { return nil }
        self.address = address
        prefixLength = length
    }

    /// `10.80.0.0/16`.
    var description: String { "\(address)/\(prefixLength)" }
}
