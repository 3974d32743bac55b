import Testing

@testable import API

/// What a reader of the page's events makes of what it is told of one list, as the page itself does it.
struct ReadList: Hashable {
    /// The member that rows are known by.
    let key: String
    private(set) var rows: [[String: JSONValue]] = []
    private(set) var total = 0

    init(key: String) { self.key = key }

    var keys: [String] {
        rows.map { row in
            guard case .string(let key)? = row[key] else { return "" }
            return key
        }
    }

    /// Takes in a list, or what changed in it.
    mutating func apply(_ json: JSONObject) throws {
        total = Int(try #require(try json.unsigned("total")))
        if json.has("items") {
            rows = try json.list("items").map(Self.members)
            return
        }
        let set = try json.list("set").map { pair in
            let (place, row) = try Self.pair(pair)
            return (Int(try JSONObject.unsigned(place, path: "set", maximum: 1 << 20)), try Self.members(row))
        }
        let changed = try json.list("changed").map { pair in
            let (key, members) = try Self.pair(pair)
            return (key, try Self.members(members))
        }
        let gone = Set(try json.list("gone") + set.compactMap { $0.1[key] })
        rows.removeAll { row in row[key].map(gone.contains) ?? true }
        for (place, row) in set { rows.insert(row, at: place) }
        for (name, members) in changed {
            let place = try #require(rows.firstIndex { $0[key] == name }, "a row that changed is there: \(name)")
            rows[place].merge(members) { $1 }
            rows[place] = rows[place].filter { $0.value != .null }
        }
    }

    private static func pair(_ value: JSONValue) throws -> (JSONValue, JSONValue) {
        guard case .array(let parts) = value, parts.count == 2 else {
            throw JSONError(description: "not a pair: \(value)")
        }
        return (parts[0], parts[1])
    }

    private static func members(_ value: JSONValue) throws -> [String: JSONValue] {
        guard case .object(let members) = value else { throw JSONError(description: "not a row: \(value)") }
        return Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    }
}
