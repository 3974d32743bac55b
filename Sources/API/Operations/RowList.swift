/// A list of the page whose rows have keys, so that only those that changed need to be sent.
struct RowList: Sendable {
    /// One row as JSON.
    struct Row: Sendable, Hashable {
        /// What it is about; no other row of the list has it.
        let key: String
        let json: [UInt8]

        init(_ key: String, _ json: JSONValue) {
            self.key = key
            self.json = JSONWriter.bytes(of: json)
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
    var json: [UInt8] { Array("{\"total\":\(total),\"items\":[".utf8) + Self.joined(rows.map(\.json)) + Self.end }

    /// What a reader who has the former list needs, nil for nothing: the whole list, or
    /// `{"total":2,"gone":["key"],"set":[[0,{…}]]}`. Whoever takes out all rows that are gone or set and then puts in
    /// those that are set, each at its index in the new list and in the order given, has the new list.
    func changes(since former: RowList) -> [UInt8]? {
        let known = Dictionary(former.rows.map { ($0.key, $0) }) { first, _ in first }
        let set = rows.enumerated().filter { known[$0.element.key] != $0.element }
        let present = Set(rows.map(\.key))
        let gone = former.rows.filter { !present.contains($0.key) }
        if set.isEmpty, gone.isEmpty, total == former.total, rows == former.rows { return nil }
        let moved = Set(set.map(\.element.key))
        let kept = former.rows.filter { present.contains($0.key) && !moved.contains($0.key) }
        // Rows that changed places among themselves, or most of them changed: the whole is as short.
        if set.count > rows.count / 2 || kept != rows.filter({ !moved.contains($0.key) }) { return json }
        return Array("{\"total\":\(total),\"gone\":[".utf8)
            + Self.joined(gone.map { JSONWriter.bytes(of: .string($0.key)) }) + Array("],\"set\":[".utf8)
            + Self.joined(set.map { Array("[\($0.offset),".utf8) + $0.element.json + Array("]".utf8) }) + Self.end
    }

    private static let end = Array("]}".utf8)

    private static func joined(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined(separator: ",".utf8)) }
}
