/// The `tracestate` header (W3C Trace Context level 2, §3.3): what other vendors want passed on, opaque to us.
struct TraceState: Equatable {
    /// `key=value`, valid, in the sender's order, without duplicates.
    private(set) var members: [String]

    /// More members make the whole list invalid (§3.3.1.1).
    static let membersMax = 32
    /// At least this many characters have to be passed on (§3.3.1.5).
    static let lengthMax = 512
    /// Members longer than this go first when the list is cut (§3.3.1.5).
    static let longMember = 128

    /// Reads the values of all headers of that name, in order, or gives nil when any part of them is invalid.
    init?(_ values: [String]) {
        members = []
        var keys: Set<[UInt8]> = []
        var count = 0
        for value in values {
            for part in value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: true) {
                let member = Array(part.trimmingBlanks)
                if member.isEmpty { continue }
                count += 1
                guard count <= Self.membersMax, let equals = member.firstIndex(of: UInt8(ascii: "=")),
                    Self.isKey(member[..<equals]), Self.isValue(member[(equals + 1)...])
                else { return nil }
                // Either of two members with one key may be kept; the left one is the younger.
                if keys.insert(Array(member[..<equals])).inserted {
                    members.append(String(decoding: member, as: UTF8.self))
                }
            }
        }
    }

    /// The list as one header value, uncut.
    var header: String { members.joined(separator: ",") }

    /// The list as one header value of limited length: whole members are left out, long ones first, then from the
    /// right.
    func header(atMost limit: Int) -> String {
        var kept = members
        // The sum of the members and of the commas between them.
        var length = kept.reduce(-1) { $0 + $1.utf8.count + 1 }
        while length > limit,
            let index = kept.lastIndex(where: { $0.utf8.count > Self.longMember }) ?? kept.indices.last
        {
            length -= kept.remove(at: index).utf8.count + 1
        }
        return kept.joined(separator: ",")
    }

    private static func isKey(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 256, isLowerOrDigit(first) else { return false }
        return bytes.allSatisfy { isLowerOrDigit($0) || "_-*/@".utf8.contains($0) }
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isValue(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let last = bytes.last, bytes.count <= 256, last != UInt8(ascii: " ") else { return false }
        return bytes.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }
}
