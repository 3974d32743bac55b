internal import HTTPTypes

/// Tells the requests of web browsers from those of programs, for APIs that no page has any business with.
///
/// Whoever reaches such an API is as good as root, and a browser of the host reaches it: any site's page can have it send
/// a POST to 127.0.0.1, and a page whose own name is made to resolve to that address (DNS rebinding) reads the answers,
/// too. The `Host` header gives neither away here: a web node calls a worker by a name that only its operator knows, its
/// own peer address or what the worker's setting says, and by the port of a tunnel. But a browser says which site a
/// request is for: `Origin` goes with every method but GET and HEAD, `Sec-Fetch-Site` with all that it takes for safe,
/// and `Accept-Language` with everything (Fetch standard, 4.1 and 4.5). A page can change the last, and take none away.
/// No client of these APIs sends any of them.
enum BrowserRule {
    /// Headers that browsers send and programs have no use for.
    static let marks = ["Origin", "Sec-Fetch-Site", "Accept-Language"].map { HTTPField.Name(known: $0) }

    /// The reply to a request that a browser sent; nil for all others.
    static func refusal(of request: Request) -> Reply? {
        guard let mark = marks.first(where: { request.headers[$0] != nil }) else { return nil }
        var reply = Reply.text(
            "web browsers are not served here, and this request has a header of theirs: \(mark.rawName)",
            status: .forbidden)
        // What else it has to say is not read.
        reply.closesConnection = true
        return reply
    }
}
