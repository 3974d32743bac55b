/// A list of the page whose rows have keys, so that only what changed in it needs to be sent.
struct RowList: Sendable {
    /// One row, an object.
    struct Row: Sendable, Hashable {
        /// What it is about; no other row of the list has it.
        let key: String
        fileprivate let members: [JSONValue.Member]

        /// - Parameter json: an object without nulls
        init(_ key: String, _ json: JSONValue) {
            self.key = key
            if case .object(let members) = json { self.members = members } else { members = [] }
        }

        fileprivate var json: JSONValue { .object(members) }

        /// The members that differ from those of a former row; null for those that are gone.
        fileprivate func changes(since former: Row) -> JSONValue {
            let known = Dictionary(former.members.map { ($0.key, $0.value) }) { first, _ in first }
            let present = Set(members.map(\.key))
            return .object(
                members.filter { known[$0.key] != $0.value }
                    + former.members.filter { !present.contains($0.key) }.map { .init(key: $0.key, value: .null) })
        }
    }

    /// All that there is; the list may have fewer.
    private let total: Int
    private let rows: [Row]

    init(_ rows: [Row], of total: Int) {
        self.rows = rows
        self.total = total
    }

    /// `{"total":2,"items":[…]}`.
    var json: [UInt8] { JSONWriter.bytes(of: .counted(rows.map(\.json), total)) }

    /// What a reader who has the former list needs, nil for nothing: the whole list, or
    /// `{"total":2,"gone":["key"],"set":[[0,{…}]],"changed":[["key",{…}]]}`. Whoever takes out all rows that are gone or
    /// set, then puts in those that are set, each at its index in the new list and in the order given, and then gives
    /// the changed rows their new members, of which null takes one away, has the new list.
    func changes(since former: RowList) -> [UInt8]? {
        let known = Dictionary(former.rows.map { ($0.key, $0) }) { first, _ in first }
        let present = Set(rows.map(\.key))
        let gone = former.rows.filter { !present.contains($0.key) }
        let changed = rows.filter { row in known[row.key].map { $0 != row } ?? false }
        func keepsPlaces(without moved: Set<String>) -> Bool {
            let kept = former.rows.lazy.map(\.key).filter { present.contains($0) && !moved.contains($0) }
            return kept.elementsEqual(rows.lazy.map(\.key).filter { !moved.contains($0) })
        }
        var moved = present.subtracting(known.keys)
        let areInPlace = keepsPlaces(without: moved)
        if areInPlace, moved.isEmpty, gone.isEmpty, changed.isEmpty, total == former.total { return nil }
        // What a row tells may be what it is ordered by.
        if !areInPlace { moved.formUnion(changed.map(\.key)) }
        // Rows that changed places among themselves, or most of them are new: the whole is as short.
        guard moved.count <= rows.count / 2, areInPlace || keepsPlaces(without: moved) else { return json }
        let set = rows.enumerated().filter { moved.contains($0.element.key) }
        return JSONWriter.bytes(
            of: .object([
                .init(key: "total", value: .unsigned(UInt64(total))),
                .init(key: "gone", value: .list(gone.map(\.key))),
                .init(key: "set", value: .array(set.map { .array([.unsigned(UInt64($0.offset)), $0.element.json]) })),
                .init(
                    key: "changed",
                    value: .array(
                        changed.filter { !moved.contains($0.key) }.compactMap { row in
                            known[row.key].map { .array([.string(row.key), row.changes(since: $0)]) }
                        })),
            ]))
    }
}
