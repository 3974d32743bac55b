internal import CKernel
internal import Glibc

/// A virtual cable (veth(4)) from a port of a bridge into another network namespace, described before it is made.
public struct VethPair: Hashable, Sendable {
    /// The end that is a port of the bridge.
    public struct Port: Hashable, Sendable {
        /// The interface's name, at most 15 bytes.
        public let name: String
        /// The interface's index, chosen so that later requests can name it before it exists.
        public let index: UInt32
        /// The bridge's index.
        public let bridge: UInt32

        /// Describes the end on the host.
        public init(name: String, index: UInt32, bridge: UInt32) {
            self.name = name
            self.index = index
            self.bridge = bridge
        }
    }

    /// The end that is born in the other namespace, down: a veth cannot come up before both ends exist.
    public struct Peer: Hashable, Sendable {
        /// The interface's name, at most 15 bytes.
        public let name: String
        /// The interface's index in its own namespace.
        public let index: UInt32
        /// The interface's hardware address.
        public let hardware: EthernetAddress
        /// A process in the network namespace, as seen by this one.
        public let processID: Int32

        /// Describes the end in the other namespace.
        public init(name: String, index: UInt32, hardware: EthernetAddress, processID: Int32) {
            self.name = name
            self.index = index
            self.hardware = hardware
            self.processID = processID
        }
    }

    /// The end on the host.
    public let port: Port
    /// The end in the other namespace.
    public let peer: Peer
    /// The largest packet in bytes, for both ends.
    public let mtu: UInt32

    /// Describes a pair.
    public init(port: Port, peer: Peer, mtu: UInt32) {
        self.port = port
        self.peer = peer
        self.mtu = mtu
    }

    /// The requests that make the pair and connect it, to be sent together.
    ///
    /// The peer is created inside its namespace: moving it there afterwards costs 16 to 20 ms. The port is isolated,
    /// which must happen before it comes up, or else it could reach its neighbours for an instant. Isolated ports
    /// reach only the bridge itself (Linux 4.18); a locked port may only send from addresses pinned to it (Linux 5.16;
    /// older kernels ignore the attribute, and then only learning is off).
    public var packets: [NetlinkPacket] {
        [createPair, confinePort, RoutePacket.setUp(port.index, subject: port.name)]
            + [RoutePacket.addForwardingEntry(peer.hardware, port: port.index, subject: port.name)]
    }

    private var createPair: NetlinkPacket {
        var packet = RoutePacket.link(
            "RTM_NEWLINK", flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, index: port.index, subject: port.name)
        packet.attribute(IFLA_IFNAME, port.name)
        packet.attribute(IFLA_MTU, mtu)
        packet.attribute(IFLA_MASTER, port.bridge)
        packet.nested(IFLA_LINKINFO) {
            $0.attribute(IFLA_INFO_KIND, "veth")
            $0.nested(IFLA_INFO_DATA) {
                $0.nested(VETH_INFO_PEER) {
                    $0.appendLinkHeader(index: peer.index, up: false)
                    $0.attribute(IFLA_IFNAME, peer.name)
                    $0.attribute(IFLA_MTU, mtu)
                    $0.attribute(IFLA_ADDRESS, peer.hardware.bytes)
                    $0.attribute(IFLA_NET_NS_PID, UInt32(bitPattern: peer.processID))
                }
            }
        }
        return packet
    }

    private var confinePort: NetlinkPacket {
        var packet = RoutePacket.link("RTM_NEWLINK", index: port.index, subject: port.name)
        packet.nested(IFLA_LINKINFO) {
            $0.attribute(IFLA_INFO_SLAVE_KIND, "bridge")
            $0.nested(IFLA_INFO_SLAVE_DATA) {
                $0.attribute(IFLA_BRPORT_LEARNING, UInt8(0))
                $0.attribute(IFLA_BRPORT_ISOLATED, UInt8(1))
                $0.attribute(IFLA_BRPORT_LOCKED, UInt8(1))
            }
        }
        packet.nested(IFLA_AF_SPEC) {
            $0.nested(Int(AF_INET6)) {
                // A port needs no address of its own; without one there is no duplicate address detection either.
                $0.attribute(IFLA_INET6_ADDR_GEN_MODE, UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue))
            }
        }
        return packet
    }
}
