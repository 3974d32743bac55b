public import Kernel

/// The contents of `/etc/hosts` and `/etc/hostname` of a container.
public struct HostFiles: Hashable, Sendable {
    private let handle: String
    private let address: IPv4Address?
    private let additionalHosts: [String]

    /// sethostname(2) takes this many bytes (HOST_NAME_MAX).
    private static let hostNameBytesMax = 64
    /// How much of a longer handle becomes the host name: its end, which tells containers apart.
    private static let hostNameBytesKept = 49

    /// Describes a container's files.
    /// - Parameters:
    ///   - handle: the container's handle
    ///   - address: its address; nil for a container without a network
    ///   - additionalHosts: lines to add, each an address and a name
    public init(handle: String, address: IPv4Address?, additionalHosts: [String] = []) {
        self.handle = handle
        self.address = address
        self.additionalHosts = additionalHosts
    }

    /// The host name: the handle, or the last 49 bytes of one that is longer than 64.
    public var hostName: String {
        guard handle.utf8.count > HostFiles.hostNameBytesMax else { return handle }
        return String(decoding: handle.utf8.suffix(HostFiles.hostNameBytesKept), as: UTF8.self)
    }

    /// `/etc/hosts`: the loopback address, the additional lines, then the container's own.
    public var hosts: String {
        var lines = ["127.0.0.1 localhost"] + additionalHosts
        if let address {
            // A shortened host name must resolve as well.
            lines.append(hostName == handle ? "\(address) \(handle)" : "\(address) \(handle) \(hostName)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `/etc/hostname`.
    public var hostNameFile: String { hostName + "\n" }
}
