internal import NIOCore

/// Where a server listens.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or address and a port; port 0 lets the kernel choose.
    case tcp(host: String, port: Int)
    /// A unix socket; a stale socket file is replaced.
    case unix(path: String)

    /// `host:port` or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// The address with the port that the kernel chose.
    func resolved(by local: SocketAddress?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = local?.port else { return self }
        return .tcp(host: local?.ipAddress ?? host, port: port)
    }
}
