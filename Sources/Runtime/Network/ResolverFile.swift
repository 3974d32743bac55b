public import Kernel

/// The contents of `/etc/resolv.conf` of a container.
public struct ResolverFile: Hashable, Sendable {
    /// The host's own file.
    public static let hostPath = "/etc/resolv.conf"
    /// The servers that systemd-resolved asks, for hosts where the file above names only its local stub.
    public static let upstreamPath = "/run/systemd/resolve/resolv.conf"

    /// What the file says.
    public let contents: String

    /// The file of a container without a network: empty.
    public static let hermetic = ResolverFile(contents: "")

    /// Composes the file: the configured servers, else the host's file without loopback servers, else the upstream
    /// file likewise, else the host itself as the server.
    /// - Parameters:
    ///   - servers: configured name servers
    ///   - host: the contents of ``hostPath``, nil when it cannot be read
    ///   - upstream: the contents of ``upstreamPath``, nil when it cannot be read
    ///   - hostAddress: the host's own address
    public init(servers: [String], host: String?, upstream: String?, hostAddress: IPv4Address) {
        if !servers.isEmpty {
            contents = servers.map { "nameserver \($0)\n" }.joined()
            return
        }
        for file in [host, upstream] {
            let lines = ResolverFile.withoutLoopbackServers(file ?? "")
            if lines.contains(where: { ResolverFile.server($0) != nil }) {
                contents = lines.map { "\($0)\n" }.joined()
                return
            }
        }
        contents = "nameserver \(hostAddress)\n"
    }

    private init(contents: String) { self.contents = contents }

    /// The lines but those that name a server of the host's own loopback interface, which is not the container's.
    private static func withoutLoopbackServers(_ file: String) -> [Substring] {
        file.split(separator: "\n").filter { line in
            guard let server = server(line) else { return true }
            if let address = IPv4Address(server) { return !address.isLoopback }
            // An IPv6 address may carry an interface, as in ::1%lo.
            return server.prefix { $0 != "%" } != "::1"
        }
    }

    /// The address of a `nameserver` line (resolv.conf(5)); nil for other lines.
    private static func server(_ line: Substring) -> Substring? {
        let words = line.split(omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" || $0 == "\r" }
        guard words.count >= 2, words[0] == "nameserver" else { return nil }
        return words[1]
    }
}
