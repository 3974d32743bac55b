import Foundation
import Kernel
import Runtime
import Testing

/// Whom containers reach, and who reaches them.
@Suite struct NetworkReachTests {
    @Test func containerReachesTheOutsideUnderTheHostsAddress() throws {
        let site = try NetworkSite()
        let (container, attachment) = try site.container("a", on: site.network())
        #expect(attachment.gateway.description == NetworkSite.gateway)
        #expect(attachment.prefixLength == 16)
        // The outside has no route to the pool, hence an answer proves the translation.
        #expect(try container.reaches(NetworkSite.outside))
        #expect(try !site.world.reaches("\(attachment.address)", "-W 1"))
    }

    @Test func interfaceHasAddressRouteAndTheHostsMTU() throws {
        let site = try NetworkSite()
        let (container, attachment) = try site.container("a", on: site.network())
        let address = try container.command("ip -o -4 addr show dev eth0")
        #expect(address.contains("inet \(attachment.address)/16 brd 10.199.255.255"))
        #expect(try container.command("ip route").hasPrefix("default via \(NetworkSite.gateway) dev eth0"))
        #expect(try container.command("ip -o link show dev eth0").contains("mtu 1400"))
        #expect(try site.host.command("ip -o link show dev \(attachment.hostInterface)").contains("mtu 1400"))
        #expect(try container.reaches("127.0.0.1"))
    }

    @Test func hostIsRefusedUnlessAllowed() throws {
        let site = try NetworkSite()
        let (container, _) = try site.container("a", on: site.network())
        for address in [NetworkSite.gateway, NetworkSite.hostAddress] {
            #expect(try container.refusal(address).contains("filtered"), "\(address)")
        }
        let (guest, _) = try site.container("b", on: site.network(NetworkSite.configuration(allowHostAccess: true)))
        for address in [NetworkSite.gateway, NetworkSite.hostAddress] {
            #expect(try guest.reaches(address), "\(address)")
        }
    }

    @Test func hostReachesContainers() throws {
        let site = try NetworkSite()
        let (container, attachment) = try site.container("a", on: site.network())
        #expect(try site.host.reaches("\(attachment.address)"))
        _ = container
    }

    @Test func outsideCannotOpenConnectionsToContainers() throws {
        let site = try NetworkSite()
        let (container, attachment) = try site.container("a", on: site.network())
        try site.world.command("ip route add 10.199.0.0/16 via \(NetworkSite.hostAddress)")
        #expect(try !site.world.tryCommand("ping -n -c 1 -W 1 \(attachment.address)").isSuccess)
        #expect(try container.reaches(NetworkSite.outside))
    }

    @Test func containersDoNotReachEachOther() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let (first, firstAttachment) = try site.container("a", on: network)
        let (second, secondAttachment) = try site.container("b", on: network)
        // Refused by the firewall at once, not only unanswered.
        #expect(try first.refusal("\(secondAttachment.address)").contains("filtered"))
        #expect(try second.refusal("\(firstAttachment.address)").contains("filtered"))

        try second.waitForLinkLocalAddress()
        try first.waitForLinkLocalAddress()
        let neighbour = try second.linkLocalAddress()
        #expect(try !first.tryCommand("ping -n -6 -c 1 -W 1 \(neighbour)%eth0").isSuccess)
        let bridge = try first.tryCommand("ping -n -6 -c 1 -W 1 ff02::1%eth0").output
        #expect(!bridge.contains(neighbour))
    }

    @Test func restrictedNetworksAreRefused() throws {
        let site = try NetworkSite()
        let network = try site.network(NetworkSite.configuration(restricted: ["198.51.100.0/24", "192.0.2.0/24"]))
        let (container, _) = try site.container("a", on: network)
        #expect(try container.refusal(NetworkSite.farOutside).contains("filtered"))
        #expect(try container.reaches(NetworkSite.outside))
    }

    @Test func hermeticContainerHasLoopbackOnly() throws {
        let container = try NetworkNamespace()
        try container.apply(BridgeNetwork.loopbackSetup)
        #expect(try container.reaches("127.0.0.1"))
        #expect(try container.command("ip -o link").split(separator: "\n").count { !$0.contains("NOARP") } == 1)
        #expect(try container.command("ip route").isEmpty)
    }

    @Test func forgedAddressesAreDropped() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let (container, _) = try site.container("a", on: network)
        let (other, otherAttachment) = try site.container("b", on: network)
        let forged = "\(otherAttachment.address)"
        try site.world.command(
            """
            nft add table ip watch
            nft 'add chain ip watch in { type filter hook input priority 0; }'
            nft add rule ip watch in ip protocol icmp counter
            """)
        let received = { try site.world.command("nft list table ip watch").contains("packets 0 ") == false }

        // Another container's address, an address of nobody, and one of another network.
        for address in [forged, "10.199.200.200", "192.0.2.77"] {
            try container.command("ip addr add \(address)/32 dev eth0")
            #expect(try !container.tryCommand("ping -n -c 1 -W 1 -I \(address) \(NetworkSite.outside)").isSuccess)
            #expect(try !received(), "\(address)")
            try container.command("ip addr del \(address)/32 dev eth0")
        }
        #expect(try other.reaches(NetworkSite.outside))
        #expect(try received())
    }

    @Test func hostsNeighbourTableCannotBePoisoned() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let (container, _) = try site.container("a", on: network)
        let (other, otherAttachment) = try site.container("b", on: network)
        let victim = "\(otherAttachment.address)"
        #expect(try site.host.reaches(victim))
        // Announces the victim's address with its own hardware address.
        try container.command(
            "ip addr add \(victim)/32 dev eth0; busybox arping -U -c 3 -w 4 -I eth0 -s \(victim) \(victim) || true")
        let hardware = EthernetAddress(of: otherAttachment.address)
        #expect(try site.host.command("ip neigh show \(victim)").contains("lladdr \(hardware)"))
        #expect(try site.host.reaches(victim))
        _ = other
    }

    @Test func portSendsOnlyFromItsOwnHardwareAddress() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let (container, _) = try site.container("a", on: network)
        let (other, otherAttachment) = try site.container("b", on: network)
        // Takes over all that the other container is known by.
        try container.command(
            """
            ip link set eth0 down
            ip link set eth0 address \(EthernetAddress(of: otherAttachment.address))
            ip addr flush dev eth0
            ip addr add \(otherAttachment.address)/16 dev eth0
            ip link set eth0 up
            ip route add default via \(NetworkSite.gateway)
            """)
        #expect(try !container.tryCommand("ping -n -c 1 -W 1 \(NetworkSite.outside)").isSuccess)
        #expect(try other.reaches(NetworkSite.outside))
    }
}

extension NetworkNamespace {
    /// The address that IPv6 gives `eth0` by itself.
    fileprivate func linkLocalAddress() throws -> String {
        let words = try command("ip -o -6 addr show dev eth0 scope link").split(separator: " ")
        let index = try #require(words.firstIndex(of: "inet6"))
        return String(try #require(words[index + 1].split(separator: "/").first))
    }

    /// Until duplicate address detection is over; the address is unusable before.
    fileprivate func waitForLinkLocalAddress() throws {
        try NetworkNamespace.wait("a link-local address") {
            let address = try command("ip -o -6 addr show dev eth0 scope link")
            return !address.isEmpty && !address.contains("tentative")
        }
    }
}
