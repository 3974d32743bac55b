internal import HTTPTypes
internal import NIOCore

/// How workers exchange volumes directly.
public struct PeerSettings: Sendable {
    /// Which kind of address other workers are given.
    public enum Family: Int, Sendable, CaseIterable {
        /// Four bytes.
        case v4 = 4
        /// Sixteen bytes.
        case v6 = 6
    }

    /// The port of the volumes' API.
    public let port: Int
    /// The kind of address.
    public let family: Family
    /// A regular expression that part of the interface's name must match.
    public let interfacePattern: String
    /// How long a connection to another worker may take to come about.
    var connectTimeout = TimeAmount.seconds(10)
    /// How long neither worker may move a byte. The receiver answers when it has unpacked everything, which may take a
    /// while after the last byte.
    var idleTimeout = TimeAmount.minutes(5)
    /// How often a client that waits is told that the transfer goes on: clearly below the minute that it waits for the
    /// reply's head, or for more of it.
    var signOfLife = Duration.seconds(30)
    /// What the host has; replaced by tests.
    var interfaces: @Sendable () throws -> [Interface] = { try Interface.all() }

    /// An interface's name and one of its addresses.
    struct Interface: Sendable {
        var name: String
        /// Nil when it could not be read.
        var address: String?
        var family: Family?

        static func all() throws -> [Interface] {
            try System.enumerateDevices().compactMap { device in
                switch device.address {
                case .v4(let address)?: Interface(name: device.name, address: address.host, family: .v4)
                case .v6(let address)?: Interface(name: device.name, address: address.host, family: .v6)
                default: nil
                }
            }
        }
    }

    /// The usual settings.
    public init() {
        port = 7788
        family = .v4
        interfacePattern = "eth0"
    }

    /// Checks and takes settings.
    /// - Throws: when the pattern is no regular expression
    public init(interfacePattern: String, family: Family, port: Int) throws {
        _ = try Regex(interfacePattern)
        self.interfacePattern = interfacePattern
        self.family = family
        self.port = port
    }

    /// Where other workers find this one: the first address of the family, on the first interface whose name fits.
    ///
    /// Addresses that are valid on one link only are left out, since a URL cannot name the link.
    func url() throws(RefusedRequest) -> String {
        guard let pattern = try? Regex(interfacePattern), let all = try? interfaces() else {
            throw .failed("failed to get a list of the system's network interface")
        }
        for interface in all where interface.name.contains(pattern) && interface.family == family {
            guard let address = interface.address, !address.isEmpty else {
                throw .failed("failed to get network interface addr for given interface")
            }
            if family == .v4 { return "http://\(address):\(port)" }
            if !Self.isLinkLocal(address) { return "http://[\(address)]:\(port)" }
        }
        throw .failed("failed to get p2p url, network interface list is empty")
    }

    /// fe80::/10 (RFC 4291 §2.4).
    private static func isLinkLocal(_ address: String) -> Bool {
        ["fe8", "fe9", "fea", "feb"].contains { address.lowercased().hasPrefix($0) }
    }
}

extension RefusedRequest {
    /// What the host makes impossible.
    fileprivate static func failed(_ text: String) -> RefusedRequest {
        RefusedRequest(status: .internalServerError, description: text, isWhole: true)
    }
}
