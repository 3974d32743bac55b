/// One JSON value, with integers kept exact and the order of an object's members kept.
enum JSONValue: Sendable, Hashable {
    /// A member of an object, in the order written.
    struct Member: Sendable, Hashable {
        let key: String
        let value: JSONValue
    }

    case null
    case bool(Bool)
    /// An integer literal from 0 to 2^64-1.
    case unsigned(UInt64)
    /// An integer literal with a minus sign.
    case negative(Int64)
    /// Any other number, as written; nothing in the APIs takes one.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// The word that error texts use for this kind of value.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .unsigned, .negative, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// An object from pairs, in this order.
    static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member(key: $0.key, value: $0.value) })
    }

    /// A string map; its keys are sorted by their bytes, as Go's encoder does.
    static func map(_ pairs: [String: String]) -> JSONValue {
        let sorted = pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return .object(sorted.map { Member(key: $0.key, value: .string($0.value)) })
    }

    /// A list of strings.
    static func list(_ strings: [String]) -> JSONValue { .array(strings.map { .string($0) }) }
}

/// Why a text is no JSON, or not the JSON that was asked for.
struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The whole sentence, with the byte offset or the path of the key in it.
    let description: String

    /// A fault of the text at a byte offset.
    static func syntax(_ text: String, at offset: Int) -> JSONError {
        JSONError(description: "invalid JSON: \(text) at byte \(offset)")
    }

    /// A value of the wrong kind.
    static func mismatch(_ path: String, expected: String, found: JSONValue) -> JSONError {
        let subject = path.isEmpty ? "body" : path
        return JSONError(description: "invalid JSON: \(subject): expected \(expected), found \(found.kindName)")
    }
}
