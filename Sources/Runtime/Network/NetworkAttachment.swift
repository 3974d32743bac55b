public import Kernel

/// An address of the pool in the hands of a container.
public struct NetworkLease: Hashable, Sendable {
    /// The container's handle.
    public let handle: String
    /// Its address.
    public let address: IPv4Address

    /// Names a lease, as remembered by whoever got it.
    public init(handle: String, address: IPv4Address) {
        self.handle = handle
        self.address = address
    }

    /// The name of the container's interface on the host, such as `ap0a500002`: "ap" and the address in hexadecimal.
    public var hostInterface: String {
        let digits = String(address.rawValue, radix: 16)
        return "ap" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The index of that interface: bit 29, far above those that the kernel counts up to, and the address's last 28.
    var hostInterfaceIndex: UInt32 { 1 << 29 | address.rawValue & 0x0fff_ffff }
}

/// What connects a container: made by ``BridgeNetwork/attach(handle:processID:)``.
public struct NetworkAttachment: Hashable, Sendable {
    /// To be handed back to ``BridgeNetwork/detach(_:)``.
    public let lease: NetworkLease
    /// The bridge's address, where the container's default route leads.
    public let gateway: IPv4Address
    /// The length of the pool's prefix in bits.
    public let prefixLength: UInt8
    /// Netlink messages (NETLINK_ROUTE) that process 1 sends, in this order and as they are, in its own network
    /// namespace; each asks for an acknowledgement, and the sequence numbers are 1, 2, 3 and so on.
    ///
    /// They bring the loopback interface up, give `eth0` its address, bring it up, and set the default route.
    public let setup: [[UInt8]]

    /// The container's address.
    public var address: IPv4Address { lease.address }
    /// The name of the container's interface on the host.
    public var hostInterface: String { lease.hostInterface }
}

extension NetworkAttachment {
    /// The container's interface.
    static let containerInterface = "eth0"
    /// Its index in the container's namespace, fixed so that ``setup`` can be written before it exists.
    static let containerInterfaceIndex: UInt32 = 1000

    init(_ lease: NetworkLease, _ configuration: NetworkConfiguration) {
        self.lease = lease
        gateway = configuration.gateway
        prefixLength = configuration.pool.prefixLength
        let interface = "\(NetworkAttachment.containerInterface) of \(lease.handle)"
        setup = NetworkAttachment.encoded([
            NetworkAttachment.loopbackUp,
            RoutePacket.addAddress(
                lease.address, prefixLength: configuration.pool.prefixLength,
                to: NetworkAttachment.containerInterfaceIndex, subject: interface),
            RoutePacket.setUp(NetworkAttachment.containerInterfaceIndex, subject: interface),
            RoutePacket.addDefaultRoute(configuration.gateway, subject: interface),
        ])
    }

    static let loopbackUp = RoutePacket.setUp(RoutePacket.loopbackIndex, subject: "lo")

    static func encoded(_ packets: [NetlinkPacket]) -> [[UInt8]] {
        packets.enumerated().map { index, packet in packet.encoded(sequence: UInt32(index + 1)) }
    }
}
