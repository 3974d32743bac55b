/// A server's whole answer.
struct Reply {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    func json() throws -> JSON { try JSON(parsing: body) }

    init(status: Int, headers: [String: String], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Reads one whose length is told.
    init(_ wire: Wire) throws {
        let head = ReplyHead(try wire.text(through: "\r\n\r\n"))
        status = head.status
        headers = head.headers
        body = try wire.take(head.headers["content-length"].flatMap { Int($0) } ?? 0)
    }
}

/// What comes before the body.
struct ReplyHead {
    let status: Int
    let reason: String
    let headers: [String: String]
    /// Names as sent, in order.
    let names: [String]

    init(_ text: String) {
        var lines = text.split(separator: "\r\n").map(String.init)
        let first = lines.isEmpty ? "" : lines.removeFirst()
        let words = first.split(separator: " ", maxSplits: 2).map(String.init)
        status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        reason = words.count > 2 ? words[2] : ""
        var headers: [String: String] = [:]
        var names: [String] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            names.append(String(line[..<colon]))
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingPrefix(" ").description
        }
        self.headers = headers
        self.names = names
    }
}
