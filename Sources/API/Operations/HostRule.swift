internal import NIOCore

/// Which `Host` headers are answered.
///
/// A page of another site can have its own name resolve to 127.0.0.1 and then read this server as if it were itself
/// (DNS rebinding). Its requests still say that name, so a server that nobody else is meant to reach answers to its
/// own names alone.
struct HostRule: Sendable, Hashable {
    private let address: String
    private let names: Set<String>
    private let isWildcard: Bool

    /// - Parameters:
    ///   - address: what the server listens on
    ///   - names: further names by which it may be called
    init(address: String, names: [String] = []) {
        self.address = Self.normal(address)
        self.names = Set(names.map { Self.normal($0) })
        isWildcard = ["0.0.0.0", "::"].contains(self.address)
    }

    /// Whether a request to this authority (`host`, `host:port`, `[::1]:port`) is answered.
    func allows(_ authority: String?) -> Bool {
        guard let authority, let host = Self.host(of: authority) else { return false }
        if host == "localhost" || host.hasSuffix(".localhost") || names.contains(host) { return true }
        guard let literal = try? SocketAddress(ipAddress: host, port: 0) else { return false }
        // Addresses need no name server, hence cannot be rebound; but which of them is ours a wildcard does not say.
        return isWildcard || host == address || literal.isLoopback
    }

    /// The host of an authority without its port and brackets; nil when it is malformed.
    private static func host(of authority: String) -> String? {
        var rest = authority[...]
        var host: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest.dropFirst(host.count)
        }
        let port = rest.dropFirst()
        guard rest.isEmpty || (rest.hasPrefix(":") && port.utf8.allSatisfy { (0x30...0x39).contains($0) }) else {
            return nil
        }
        // A name may end with the dot of the root.
        if host.hasSuffix(".") { host = host.dropLast() }
        return host.isEmpty ? nil : normal(String(host))
    }

    private static func normal(_ host: String) -> String { host.lowercased() }
}

extension SocketAddress {
    /// 127.0.0.0/8 or ::1.
    fileprivate var isLoopback: Bool {
        guard let text = ipAddress else { return false }
        return self.protocol == .inet ? text.hasPrefix("127.") : text == "::1"
    }
}
