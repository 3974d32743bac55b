internal import CKernel
internal import Glibc

/// The rtnetlink(7) requests that build a bridged network, as values.
public enum RoutePacket {
    /// The interface index of the loopback device in every network namespace.
    public static let loopbackIndex: UInt32 = 1

    /// Creates a bridge, down; EEXIST when the name is taken.
    public static func createBridge(_ name: String, hardware: EthernetAddress, mtu: UInt32) -> NetlinkPacket {
        var packet = link("RTM_NEWLINK", flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, subject: name)
        packet.attribute(IFLA_IFNAME, name)
        packet.attribute(IFLA_MTU, mtu)
        // An address of its own: otherwise it is the lowest of the ports' addresses, which changes as they come and go.
        packet.attribute(IFLA_ADDRESS, hardware.bytes)
        packet.nested(IFLA_LINKINFO) {
            $0.attribute(IFLA_INFO_KIND, "bridge")
            $0.nested(IFLA_INFO_DATA) {
                // No port listens to another, hence nobody has to know who wants which multicast group.
                $0.attribute(IFLA_BR_MCAST_SNOOPING, UInt8(0))
            }
        }
        return packet
    }

    /// Gives a link its hardware address and MTU.
    public static func configureLink(
        _ index: UInt32, hardware: EthernetAddress, mtu: UInt32, subject: String
    ) -> NetlinkPacket {
        var packet = link("RTM_NEWLINK", index: index, subject: subject)
        packet.attribute(IFLA_MTU, mtu)
        packet.attribute(IFLA_ADDRESS, hardware.bytes)
        return packet
    }

    /// Brings a link up.
    public static func setUp(_ index: UInt32, subject: String) -> NetlinkPacket {
        link("RTM_NEWLINK", index: index, up: true, subject: subject)
    }

    /// Removes a link; ENODEV when there is none.
    public static func deleteLink(_ index: UInt32, subject: String) -> NetlinkPacket {
        link("RTM_DELLINK", index: index, subject: subject)
    }

    /// Adds an address and with it the route to its subnet; EEXIST when the link has it already.
    public static func addAddress(
        _ address: IPv4Address, prefixLength: UInt8, to index: UInt32, subject: String
    ) -> NetlinkPacket {
        var packet = NetlinkPacket(
            "RTM_NEWADDR", type: UInt16(RTM_NEWADDR), flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, subject: subject)
        // struct ifaddrmsg
        packet.append(UInt8(AF_INET))
        packet.append(prefixLength)
        packet.append(UInt8(0))  // flags
        packet.append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
        packet.append(index)
        let subnet = CIDR(containing: address, prefixLength: prefixLength)
        packet.attribute(IFA_LOCAL, address.bytes)
        packet.attribute(IFA_ADDRESS, address.bytes)
        packet.attribute(IFA_BROADCAST, subnet.last.bytes)
        return packet
    }

    /// Adds the default route by way of `gateway`.
    public static func addDefaultRoute(_ gateway: IPv4Address, subject: String) -> NetlinkPacket {
        var packet = NetlinkPacket(
            "RTM_NEWROUTE", type: UInt16(RTM_NEWROUTE), flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, subject: subject)
        packet.appendRouteHeader(
            table: UInt8(RT_TABLE_MAIN.rawValue), protocol: UInt8(RTPROT_BOOT), type: UInt8(RTN_UNICAST))
        packet.attribute(Int(RTA_GATEWAY.rawValue), gateway.bytes)
        return packet
    }

    /// Pins a hardware address to a bridge port, so that no other port can claim it (bridge(8), `fdb add … static`).
    public static func addForwardingEntry(
        _ hardware: EthernetAddress, port index: UInt32, subject: String
    ) -> NetlinkPacket {
        var packet = NetlinkPacket(
            "RTM_NEWNEIGH", type: UInt16(RTM_NEWNEIGH), flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
            subject: subject)
        // struct ndmsg
        packet.append(UInt8(AF_BRIDGE))
        packet.append(UInt8(0))
        packet.append(UInt16(0))
        packet.append(index)
        packet.append(UInt16(NUD_NOARP))
        packet.append(UInt8(NTF_MASTER))
        packet.append(UInt8(0))  // type
        packet.attribute(NDA_LLADDR, hardware.bytes)
        return packet
    }

    /// Asks for the link of this name; ENODEV when there is none.
    static func findLink(_ name: String) -> NetlinkPacket {
        var packet = link("RTM_GETLINK", subject: name)
        packet.attribute(IFLA_IFNAME, name)
        return packet
    }

    /// Asks for the link of this index; ENODEV when there is none.
    static func findLink(_ index: UInt32, subject: String) -> NetlinkPacket {
        link("RTM_GETLINK", index: index, subject: subject)
    }

    /// Asks for every IPv4 route of every table.
    static func listRoutes() -> NetlinkPacket {
        var packet = NetlinkPacket("RTM_GETROUTE", type: UInt16(RTM_GETROUTE), flags: NLM_F_DUMP, subject: "routes")
        packet.appendRouteHeader(table: 0, protocol: 0, type: 0)
        return packet
    }

    /// A request about a link: `struct ifinfomsg`, no attributes yet.
    static func link(
        _ name: String, flags: Int32 = NLM_F_ACK, index: UInt32 = 0, up: Bool = false, subject: String
    ) -> NetlinkPacket {
        let type =
            switch name {
            case "RTM_NEWLINK": RTM_NEWLINK
            case "RTM_DELLINK": RTM_DELLINK
            default: RTM_GETLINK
            }
        var packet = NetlinkPacket(name, type: UInt16(type), flags: flags, subject: subject)
        packet.appendLinkHeader(index: index, up: up)
        return packet
    }
}

extension NetlinkPacket {
    /// `struct ifinfomsg`; without `up` the flags stay as they are.
    mutating func appendLinkHeader(index: UInt32, up: Bool) {
        let flags = up ? UInt32(IFF_UP) : 0
        append(UInt8(AF_UNSPEC))
        append(UInt8(0))
        append(UInt16(0))  // device type
        append(index)
        append(flags)
        append(flags)  // which flags to change
    }

    /// `struct rtmsg` for IPv4 and destination 0.0.0.0/0.
    mutating func appendRouteHeader(table: UInt8, protocol: UInt8, type: UInt8) {
        append(UInt8(AF_INET))
        append(UInt8(0))  // destination's prefix length
        append(UInt8(0))  // source's prefix length
        append(UInt8(0))  // type of service
        append(table)
        append(`protocol`)
        append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
        append(type)
        append(UInt32(0))  // flags
    }
}
