/// Where another worker takes an archive: the parts of an `http` URL.
struct PeerURL: Sendable, Hashable {
    /// A name or an address, an IPv6 address without its brackets.
    let host: String
    let port: Int
    /// Path and query as written.
    let target: String
    /// Host and port as the `Host` header has them.
    let authority: String

    /// Reads a URL.
    /// - Throws: a sentence that says what is wrong with it
    init(_ text: String) throws(RefusedRequest) {
        let refused = RefusedRequest.bad("streamInURL must be an http URL: '\(text)'")
        // Anything but visible ASCII could end the request's line and begin another.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), text.lowercased().hasPrefix("http://") else {
            throw refused
        }
        let rest = text.dropFirst("http://".count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
        self.authority = String(authority)
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw refused }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            portText = authority[authority.index(after: end)...]
        } else {
            let name = authority.prefix { $0 != ":" }
            host = String(name)
            portText = authority[name.endIndex...]
        }
        if host.isEmpty || authority.contains("@") { throw refused }
        if portText.isEmpty {
            port = 80
        } else {
            guard portText.hasPrefix(":"), let number = UInt16(portText.dropFirst()), number > 0 else { throw refused }
            port = Int(number)
        }
    }
}
