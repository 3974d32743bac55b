/// A decoded object with Go's rules of reading: keys match in any case, the last of a name counts, null is absence.
///
/// Errors name the whole path of the key, such as `limits.cpu_limits.weight`.
struct JSONObject {
    private let members: [JSONValue.Member]
    private let path: String

    /// The value as an object; null is an empty one, as Go leaves a struct untouched.
    init(_ value: JSONValue, path: String = "") throws(JSONError) {
        switch value {
        case .object(let members): self.members = members
        case .null: members = []
        default: throw .mismatch(path, expected: "an object", found: value)
        }
        self.path = path
    }

    /// Parses a body that is one object.
    init(parsing body: [UInt8]) throws(JSONError) { try self.init(try JSONParser.parse(body)) }

    /// The member's value; nil when it is missing or null.
    subscript(_ key: String) -> JSONValue? {
        for member in members.reversed() where matches(member.key, key) {
            return member.value == .null ? nil : member.value
        }
        return nil
    }

    /// Whether the member was written at all, be it as null.
    func has(_ key: String) -> Bool { members.contains { matches($0.key, key) } }

    /// The string, or nil when absent.
    func string(_ key: String) throws(JSONError) -> String? {
        guard let value = self[key] else { return nil }
        return try string(value, key)
    }

    /// The boolean; false when absent.
    func flag(_ key: String) throws(JSONError) -> Bool {
        guard let value = self[key] else { return false }
        guard case .bool(let flag) = value else { throw .mismatch(name(key), expected: "a boolean", found: value) }
        return flag
    }

    /// The integer from 0 to `maximum`, or nil when absent.
    func unsigned(_ key: String, maximum: UInt64 = .max) throws(JSONError) -> UInt64? {
        guard let value = self[key] else { return nil }
        return try JSONObject.unsigned(value, path: name(key), maximum: maximum)
    }

    /// The integer, or nil when absent.
    func integer(_ key: String) throws(JSONError) -> Int64? {
        switch self[key] {
        case nil: return nil
        case .unsigned(let number) where number <= UInt64(Int64.max): return Int64(number)
        case .negative(let number): return number
        case let value?: throw .mismatch(name(key), expected: "an integer of 64 bits", found: value)
        }
    }

    /// The list; empty when absent.
    func list(_ key: String) throws(JSONError) -> [JSONValue] {
        guard let value = self[key] else { return [] }
        guard case .array(let elements) = value else { throw .mismatch(name(key), expected: "a list", found: value) }
        return elements
    }

    /// The list of strings; empty when absent. A null element is an empty string, as in Go.
    func strings(_ key: String) throws(JSONError) -> [String] {
        var strings: [String] = []
        for (position, value) in try list(key).enumerated() {
            strings.append(value == .null ? "" : try string(value, key, position))
        }
        return strings
    }

    /// The list of objects; empty when absent.
    func objects(_ key: String) throws(JSONError) -> [JSONObject] {
        var objects: [JSONObject] = []
        for (position, value) in try list(key).enumerated() {
            objects.append(try JSONObject(value, path: "\(name(key))[\(position)]"))
        }
        return objects
    }

    /// The nested object; empty when absent.
    func object(_ key: String) throws(JSONError) -> JSONObject {
        try JSONObject(self[key] ?? .null, path: name(key))
    }

    /// The string map; empty when absent. A null value is an empty string, as in Go.
    func map(_ key: String) throws(JSONError) -> [String: String] {
        var map: [String: String] = [:]
        for member in try object(key).members {
            if member.value == .null {
                map[member.key] = ""
            } else if case .string(let text) = member.value {
                map[member.key] = text
            } else {
                throw .mismatch("\(name(key)).\(member.key)", expected: "a string", found: member.value)
            }
        }
        return map
    }

    /// The value as an integer from 0 to `maximum`.
    static func unsigned(_ value: JSONValue, path: String, maximum: UInt64) throws(JSONError) -> UInt64 {
        switch value {
        case .unsigned(let number) where number <= maximum: return number
        case .unsigned, .negative, .number:
            let text = String(decoding: JSONWriter.bytes(of: value).prefix(40), as: UTF8.self)
            let subject = path.isEmpty ? "body" : path
            throw JSONError(
                description: "invalid JSON: \(subject): expected an integer from 0 to \(maximum), found \(text)")
        default: throw .mismatch(path, expected: "an integer from 0 to \(maximum)", found: value)
        }
    }

    private func string(_ value: JSONValue, _ key: String, _ position: Int? = nil) throws(JSONError) -> String {
        if case .string(let text) = value { return text }
        throw .mismatch(name(key) + (position.map { "[\($0)]" } ?? ""), expected: "a string", found: value)
    }

    private func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func matches(_ written: String, _ key: String) -> Bool {
        let key = key.utf8
        let written = written.utf8
        guard written.count == key.count else { return false }
        return zip(written, key).allSatisfy { byte, wanted in
            byte == wanted || (byte &- UInt8(ascii: "A") < 26 && byte | 0x20 == wanted)
        }
    }
}
