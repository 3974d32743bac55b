import Testing

@testable import Kernel

@Suite struct NetlinkPacketTests {
    @Test func defaultRouteIsEncodedAsTheKernelExpects() throws {
        let gateway = try #require(IPv4Address("10.80.0.1"))
        let packet = RoutePacket.addDefaultRoute(gateway, subject: "h1")
        let expected = bytes(
            """
            24 00 00 00   length 36
            18 00         RTM_NEWROUTE
            05 06         NLM_F_REQUEST, ACK; EXCL, CREATE
            03 00 00 00   sequence 3
            00 00 00 00   port
            02 00 00 00   AF_INET, destination and source of length 0, type of service
            fe 03 00 01   RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST
            00 00 00 00   flags
            08 00 05 00   RTA_GATEWAY, 8 bytes
            0a 50 00 01   10.80.0.1
            """)
        #expect(packet.encoded(sequence: 3) == expected)
        #expect(packet.name == "RTM_NEWROUTE")
    }

    @Test func addressIsEncodedWithItsBroadcastAddress() throws {
        let address = try #require(IPv4Address("10.80.1.2"))
        let packet = RoutePacket.addAddress(address, prefixLength: 16, to: 1000, subject: "h1")
        let expected = bytes(
            """
            30 00 00 00   length 48
            14 00         RTM_NEWADDR
            05 06         NLM_F_REQUEST, ACK; EXCL, CREATE
            02 00 00 00   sequence 2
            00 00 00 00   port
            02 10 00 00   AF_INET, prefix 16, flags, RT_SCOPE_UNIVERSE
            e8 03 00 00   interface 1000
            08 00 02 00   IFA_LOCAL
            0a 50 01 02   10.80.1.2
            08 00 01 00   IFA_ADDRESS
            0a 50 01 02   10.80.1.2
            08 00 04 00   IFA_BROADCAST
            0a 50 ff ff   10.80.255.255
            """)
        #expect(packet.encoded(sequence: 2) == expected)
    }

    @Test func settingALinkUpChangesNoOtherFlag() {
        let expected = bytes(
            """
            20 00 00 00   length 32
            10 00         RTM_NEWLINK
            05 00         NLM_F_REQUEST, ACK
            01 00 00 00   sequence 1
            00 00 00 00   port
            00 00 00 00   AF_UNSPEC, padding, device type
            01 00 00 00   interface 1
            01 00 00 00   IFF_UP
            01 00 00 00   of which IFF_UP changes
            """)
        #expect(RoutePacket.setUp(1, subject: "lo").encoded(sequence: 1) == expected)
    }

    @Test func vethPairNamesTheNamespaceOfItsPeer() throws {
        let address = try #require(IPv4Address("10.80.0.2"))
        let pair = VethPair(
            port: VethPair.Port(name: "ap0a500002", index: 0x2a50_0002, bridge: 7),
            peer: VethPair.Peer(name: "eth0", index: 1000, hardware: EthernetAddress(of: address), processID: 4711),
            mtu: 1500)
        let expected = bytes(
            """
            90 00 00 00   length 144
            10 00         RTM_NEWLINK
            05 06         NLM_F_REQUEST, ACK; EXCL, CREATE
            01 00 00 00   sequence 1
            00 00 00 00   port
            00 00 00 00   AF_UNSPEC, padding, device type
            02 00 50 2a   index of the port
            00 00 00 00   no flags: down until it is isolated
            00 00 00 00
            0f 00 03 00   IFLA_IFNAME, 15 bytes
            61 70 30 61   "ap0a500002"
            35 30 30 30
            30 32 00 00   zero byte, padding
            08 00 04 00   IFLA_MTU
            dc 05 00 00   1500
            08 00 0a 00   IFLA_MASTER
            07 00 00 00   the bridge
            50 00 12 00   IFLA_LINKINFO, 80 bytes
            09 00 01 00   IFLA_INFO_KIND
            76 65 74 68   "veth"
            00 00 00 00   zero byte, padding
            40 00 02 00   IFLA_INFO_DATA, 64 bytes
            3c 00 01 00   VETH_INFO_PEER, 60 bytes
            00 00 00 00   AF_UNSPEC, padding, device type
            e8 03 00 00   index 1000
            00 00 00 00   no flags
            00 00 00 00
            09 00 03 00   IFLA_IFNAME
            65 74 68 30   "eth0"
            00 00 00 00   zero byte, padding
            08 00 04 00   IFLA_MTU
            dc 05 00 00   1500
            0a 00 01 00   IFLA_ADDRESS
            02 61 0a 50   02:61:0a:50:00:02
            00 02 00 00   padding
            08 00 13 00   IFLA_NET_NS_PID
            67 12 00 00   4711
            """)
        let packets = pair.packets
        #expect(packets.first?.encoded(sequence: 1) == expected)
        #expect(packets.map(\.name) == ["RTM_NEWLINK", "RTM_NEWLINK", "RTM_NEWLINK", "RTM_NEWNEIGH"])
    }

    @Test func portIsIsolatedAndLockedBeforeItComesUp() throws {
        let address = try #require(IPv4Address("10.80.0.2"))
        let pair = VethPair(
            port: VethPair.Port(name: "ap0a500002", index: 0x2a50_0002, bridge: 7),
            peer: VethPair.Peer(name: "eth0", index: 1000, hardware: EthernetAddress(of: address), processID: 1),
            mtu: 1500)
        let expected = bytes(
            """
            5c 00 00 00   length 92
            10 00         RTM_NEWLINK
            05 00         NLM_F_REQUEST, ACK
            02 00 00 00   sequence 2
            00 00 00 00   port
            00 00 00 00   AF_UNSPEC, padding, device type
            02 00 50 2a   index of the port
            00 00 00 00   no flags
            00 00 00 00
            2c 00 12 00   IFLA_LINKINFO, 44 bytes
            0b 00 04 00   IFLA_INFO_SLAVE_KIND
            62 72 69 64   "bridge"
            67 65 00 00   zero byte, padding
            1c 00 05 00   IFLA_INFO_SLAVE_DATA, 28 bytes
            05 00 08 00   IFLA_BRPORT_LEARNING
            00 00 00 00   off
            05 00 21 00   IFLA_BRPORT_ISOLATED
            01 00 00 00   on
            05 00 27 00   IFLA_BRPORT_LOCKED
            01 00 00 00   on
            10 00 1a 00   IFLA_AF_SPEC, 16 bytes
            0c 00 0a 00   AF_INET6, 12 bytes
            05 00 08 00   IFLA_INET6_ADDR_GEN_MODE
            01 00 00 00   none
            """)
        #expect(pair.packets[1].encoded(sequence: 2) == expected)
    }

    /// The bytes at the head of each line, before the first column that is no pair of hexadecimal digits.
    private func bytes(_ annotated: String) -> [UInt8] {
        annotated.split(separator: "\n").flatMap { line in
            line.prefix(13).split(separator: " ").compactMap { UInt8($0, radix: 16) }
        }
    }
}
