/// The name of an attribute: lower case, dots, no unit as the only difference (`apron.cgroup.version`).
///
/// It is written as a literal. A literal is a constant of the program, hence costs neither memory nor counting of
/// references.
@frozen
public struct AttributeKey: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The name as it appears in a trace.
    public let name: String

    /// The name given by a literal.
    @inlinable
    @inline(__always)
    public init(stringLiteral name: String) { self.name = name }

    /// A name made at run time. Only for names from a closed list, such as `apron.step.<step>.us`; what varies
    /// without bound is a value and never a name.
    @inlinable
    public init(composed name: String) { self.name = name }

    // Distinct names differ in length more often than not; this comparison runs for every attribute set before.
    @inline(__always)
    func isSame(as other: AttributeKey) -> Bool {
        name.utf8.count == other.name.utf8.count && name == other.name
    }
}

/// One named value of a span, event or link.
public struct Attribute: Hashable, Sendable, Codable {
    /// Its name.
    public var key: AttributeKey
    /// Its value.
    public var value: AttributeValue

    /// Names a value.
    public init(_ key: AttributeKey, _ value: AttributeValue) {
        self.key = key
        self.value = value
    }
}

extension AttributeKey: Codable {
    /// Reads a plain string.
    public init(from decoder: any Decoder) throws {
        name = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes a plain string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
