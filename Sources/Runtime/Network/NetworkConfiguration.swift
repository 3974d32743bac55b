public import Kernel

/// How containers are connected.
public struct NetworkConfiguration: Hashable, Sendable {
    /// The block that containers' addresses are taken from; its first host address is the gateway's.
    public var pool: CIDR
    /// The largest packet in bytes; nil for that of the interface with the host's default route, else 1500.
    public var mtu: UInt32?
    /// Networks that containers must not reach.
    public var restrictedNetworks: [CIDR]
    /// Whether containers may reach the host's own addresses.
    public var allowHostAccess: Bool
    /// Name servers for `/etc/resolv.conf`; empty to follow the host's.
    public var dnsServers: [String]
    /// Lines for `/etc/hosts`, each an address and a name.
    public var additionalHosts: [String]
    /// The bridge's interface name, at most 15 bytes.
    public var bridge: String
    /// The name of the firewall tables, of families inet and arp.
    public var table: String

    /// Describes a network; what is left out has the defaults of the stock worker.
    public init(
        pool: CIDR = NetworkConfiguration.defaultPool,
        mtu: UInt32? = nil,
        restrictedNetworks: [CIDR] = [],
        allowHostAccess: Bool = false,
        dnsServers: [String] = [],
        additionalHosts: [String] = [],
        bridge: String = "apron0",
        table: String = "apron"
    ) {
        self.pool = pool
        self.mtu = mtu
        self.restrictedNetworks = restrictedNetworks
        self.allowHostAccess = allowHostAccess
        self.dnsServers = dnsServers
        self.additionalHosts = additionalHosts
        self.bridge = bridge
        self.table = table
    }

    /// 10.80.0.0/16.
    public static let defaultPool = CIDR(containing: IPv4Address(rawValue: 10 << 24 | 80 << 16), prefixLength: 16)

    /// The bridge's own address, by which containers reach everything else: the first host address of the pool.
    public var gateway: IPv4Address { IPv4Address(rawValue: pool.network.rawValue + 1) }

    /// Ethernet frames of IPv4 carry at least 68 bytes (RFC 791) and a veth at most 65535.
    private static let mtuRange: ClosedRange<UInt32> = 68...65535
    /// Larger pools would make the map of used addresses larger than 2 MiB; smaller ones have no room for a container.
    private static let prefixRange: ClosedRange<UInt8> = 8...30
    /// IFNAMSIZ less the zero byte.
    private static let interfaceNameBytesMax = 15
    /// Far below the kernel's 255, so that errors stay readable.
    private static let tableNameBytesMax = 64

    /// Refuses values that cannot work, and names that would not survive in the firewall's language.
    func validate() throws(NetworkError) {
        guard NetworkConfiguration.prefixRange.contains(pool.prefixLength) else {
            throw .unsuitable("network pool \(pool): the prefix length must be from 8 to 30")
        }
        if let mtu, !NetworkConfiguration.mtuRange.contains(mtu) {
            throw .unsuitable("mtu \(mtu): must be from 68 to 65535")
        }
        let isNameByte = { (byte: UInt8) in
            Unicode.Scalar(byte).properties.isAlphabetic && byte < 128 || (48...57).contains(byte) || byte == 95
        }
        let bridgeBytes = bridge.utf8.filter { $0 != UInt8(ascii: "-") }
        guard (1...NetworkConfiguration.interfaceNameBytesMax).contains(bridge.utf8.count),
            bridgeBytes.allSatisfy(isNameByte)
        else { throw .unsuitable("bridge '\(bridge)': must be 1 to 15 letters, digits, '_' and '-'") }
        guard (1...NetworkConfiguration.tableNameBytesMax).contains(table.utf8.count),
            table.utf8.allSatisfy(isNameByte), table.utf8.first.map({ !(48...57).contains($0) }) ?? false
        else { throw .unsuitable("firewall table '\(table)': must be letters, digits and '_', not a digit first") }
    }
}
