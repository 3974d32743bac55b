/// What a caller wants carried along with a trace (W3C Baggage): a list of `key=value;property` members.
///
/// It is passed on in the caller's words, and never becomes an attribute.
public struct Baggage: Sendable, Hashable {
    /// The members, valid, in the caller's order, without blanks around them.
    public let members: [String]

    /// The least that everybody has to pass on (W3C Baggage §3.3.2), and the most that is passed on here.
    public static let membersMax = 64
    /// The least that everybody has to pass on (W3C Baggage §3.3.2), and the most that is passed on here.
    public static let bytesMax = 8192

    /// The baggage of the request that is served.
    @TaskLocal public static var current: Baggage?

    /// Reads the values of all headers of that name, in order. Members that are invalid are left out, and those for
    /// which there is no room are; none is ever cut. Nil when nothing is left.
    public init?(_ values: [String]) {
        var members: [String] = []
        // The commas between members count.
        var length = -1
        for value in values {
            for part in value.utf8.split(separator: UInt8(ascii: ",")) {
                let member = Array(part)[...].trimmingBlanks
                guard Self.isMember(member), length + 1 + member.count <= Self.bytesMax else { continue }
                guard members.count < Self.membersMax else { break }
                length += 1 + member.count
                members.append(String(decoding: member, as: UTF8.self))
            }
        }
        if members.isEmpty { return nil }
        self.members = members
    }

    /// The list as one header value, or as the value of `BAGGAGE`.
    public var header: String { members.joined(separator: ",") }

    /// The decoded value of a key; the last one counts.
    public subscript(_ key: String) -> String? {
        for member in members.reversed() {
            let pair = member.prefix { $0 != ";" }
            guard let equals = pair.firstIndex(of: "=") else { continue }
            let name = pair[..<equals].utf8.trimmingBlanks
            guard name.elementsEqual(key.utf8) else { continue }
            let value = Array(pair[pair.index(after: equals)...].utf8.trimmingBlanks)
            return PercentCoding.decode(value, isLenient: true)
        }
        return nil
    }

    private static func isMember(_ member: ArraySlice<UInt8>) -> Bool {
        var parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)[...]
        guard let pair = parts.popFirst(), let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return isToken(pair[..<equals].trimmingBlanks) && isValue(pair[pair.index(after: equals)...].trimmingBlanks)
            && parts.allSatisfy(isProperty)
    }

    private static func isProperty(_ property: ArraySlice<UInt8>) -> Bool {
        guard let equals = property.firstIndex(of: UInt8(ascii: "=")) else { return isToken(property.trimmingBlanks) }
        return isToken(property[..<equals].trimmingBlanks)
            && isValue(property[property.index(after: equals)...].trimmingBlanks)
    }

    /// A token of RFC 9110 §5.6.2.
    private static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Visible ASCII but quotes, commas, semicolons and backslashes; the equals sign is allowed.
    private static func isValue(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { (0x21...0x7E).contains($0) && !"\",;\\".utf8.contains($0) }
    }
}
