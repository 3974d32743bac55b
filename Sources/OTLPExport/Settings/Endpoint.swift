/// Where a collector listens.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// Whether the connection is encrypted.
    public let isSecure: Bool
    /// A name or an address; IPv6 addresses without brackets.
    public let host: String
    /// The TCP port.
    public let port: Int
    /// Path and query, with the leading slash; gRPC has its own path instead.
    public let path: String

    /// Reads `http[s]://host[:port][/path]`.
    /// - Parameters:
    ///   - text: the address; without scheme only for gRPC
    ///   - transport: gRPC ignores the path
    ///   - isBase: whether `v1/` and the signal are appended for HTTP
    ///   - signal: what is sent
    ///   - isInsecure: for gRPC without a scheme: whether the connection is not encrypted
    /// - Throws: ``OTLPConfigurationError`` with a sentence
    public init(
        _ text: String, transport: OTLPConfiguration.Transport, isBase: Bool, signal: OTLPSignal = .traces,
        isInsecure: Bool = false
    ) throws(OTLPConfigurationError) {
        let (scheme, rest) = Self.splitScheme(text)
        switch scheme {
        case "http": isSecure = false
        case "https": isSecure = true
        case nil where transport == .grpc: isSecure = !isInsecure
        default: throw OTLPConfigurationError("endpoint: not an http or https address")
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        // Whoever puts a password there expects it to be used, and finds it in logs.
        if authority.contains("@") { throw OTLPConfigurationError("endpoint: credentials belong into headers") }
        (host, port) = try Self.split(authority, defaultPort: isSecure ? 443 : 80)
        var path = String(rest[end...].prefix { $0 != "#" })
        if !path.hasPrefix("/") { path = "/" + path }
        if isBase && transport != .grpc {
            let query = path.firstIndex(of: "?").map { String(path[$0...]) } ?? ""
            path = String(path.dropLast(query.count))
            path += (path.hasSuffix("/") ? "" : "/") + signal.path + query
        }
        guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw OTLPConfigurationError("endpoint: a character in the path has to be percent-encoded")
        }
        self.path = path
    }

    private static func splitScheme(_ text: String) -> (scheme: String?, rest: Substring) {
        guard let mark = text.firstRange(of: "://") else { return (nil, text[...]) }
        return (text[..<mark.lowerBound].lowercased(), text[mark.upperBound...])
    }

    private static func split(
        _ authority: Substring, defaultPort: Int
    ) throws(OTLPConfigurationError) -> (String, Int) {
        var host = authority
        var port = defaultPort
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw OTLPConfigurationError("endpoint: the port is no number from 1 to 65535")
            }
            host = authority[..<colon]
            port = Int(number)
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw OTLPConfigurationError("endpoint: an IPv6 address stands in brackets")
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw OTLPConfigurationError("endpoint: there is no host in it")
        }
        return (String(host), port)
    }

    /// Host and port as the `Host` header has them.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// The address as a URL, without query, where some put keys.
    public var description: String { "\(isSecure ? "https" : "http")://\(authority)\(path.prefix { $0 != "?" })" }
}
