internal import HTTPTypes

/// What a route answers.
struct Reply: Sendable {
    /// What comes after the head.
    enum Body: Sendable {
        /// All of it, with its length announced.
        case bytes([UInt8])
        /// The connection itself: the head is written raw and the rest is up to the closure, which gets nil when the
        /// connection has gone before.
        case taken(@Sendable (TakenConnection?) async -> Void)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body
    /// Close the connection afterwards, because its request was not read to the end.
    var closesConnection = false
    /// The body of a taken connection sends the head itself, together with the first that follows it.
    var leavesHead = false
    /// A taken connection is given the server's drain time at a shutdown, like any other request under way.
    var drains = false
    /// The failure that this tells of, for the span.
    var failure: (any Error)?

    /// A JSON value with its newline.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Reply {
        Reply(status: status, headers: [.contentType: "application/json"], body: .bytes(JSONWriter.line(of: value)))
    }

    /// `{}`, the success that says nothing.
    static let empty = Reply.json(.object([]))

    /// A sentence for people.
    static func text(_ text: String, status: HTTPResponse.Status) -> Reply {
        Reply(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .bytes(Array((text + "\n").utf8)))
    }

    /// Takes the connection over after the head.
    static func taken(
        status: HTTPResponse.Status, contentType: String? = nil,
        _ body: @escaping @Sendable (TakenConnection?) async -> Void
    ) -> Reply {
        var headers = HTTPFields()
        headers[.contentType] = contentType
        return Reply(status: status, headers: headers, body: .taken(body))
    }
}
