import Firewall
import Foundation
import Glibc
import Kernel
import Runtime
import Testing

/// How the network comes, is shared, and goes.
@Suite struct NetworkLifeTests {
    @Test func tearDownLeavesTheHostAsItWas() throws {
        let site = try NetworkSite()
        try site.host.command("nft -f -", input: foreignRules)
        let before = try site.state()
        let network = try site.network()
        let (container, attachment) = try site.container("a", on: network)
        #expect(try site.host.run { try network.tearDown() } == false)
        #expect(try container.reaches(NetworkSite.outside))

        container.end()
        try network.detach(attachment.lease)
        #expect(try site.host.run { try network.tearDown() })
        try NetworkNamespace.wait("the container's interface to go") { try site.state() == before }
        // There is nothing to remove now, which is no error.
        #expect(try site.host.run { try network.tearDown() })
        #expect(try site.state() == before)
    }

    @Test func rulesOfOthersAreNotTouched() throws {
        let site = try NetworkSite()
        try site.host.command("nft -f -", input: foreignRules)
        let foreign = { try site.host.command("nft -a list table ip foreign; nft -a list table inet foreign") }
        let before = try foreign()
        let network = try site.network()
        #expect(try foreign() == before)
        _ = try site.network(NetworkSite.configuration(allowHostAccess: true))
        #expect(try foreign() == before)
        #expect(try site.host.run { try network.tearDown() })
        #expect(try foreign() == before)
    }

    @Test func chainsThatDropByDefaultAreNamed() throws {
        let site = try NetworkSite()
        let network = try site.network()
        #expect(try site.host.run { try network.warnings() } == [])
        try site.host.command("nft -f -", input: foreignRules + droppingRules)
        let warnings = try site.host.run { try network.warnings() }
        #expect(warnings.count == 3)
        for chain in [
            "table ip strict, chain FORWARD", "table inet lastrule, chain passing", "table ip rejecting, chain f",
        ] {
            #expect(warnings.contains { $0.contains(chain) }, "\(chain)")
        }
    }

    @Test func overlappingRouteIsNamed() throws {
        let site = try NetworkSite()
        let network = try site.network()
        try site.host.command("ip route add 10.199.64.0/24 via \(NetworkSite.outside)")
        let warnings = try site.host.run { try network.warnings() }
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("the host's route to 10.199.64.0/24") == true)
    }

    @Test func restartChangesNothing() throws {
        let site = try NetworkSite()
        let first = try site.network()
        let (container, attachment) = try site.container("a", on: first)
        let before = try site.state() + site.host.command("nft -a list ruleset")
        let second = try site.network()
        #expect(try site.state() + site.host.command("nft -a list ruleset") == before)
        #expect(try container.reaches(NetworkSite.outside))

        #expect(try second.recover(keeping: ["a"]) == ["a": attachment.lease])
        let (other, otherAttachment) = try site.container("b", on: second)
        #expect(otherAttachment.address != attachment.address)
        #expect(try other.reaches(NetworkSite.outside))
    }

    @Test func recoveryFreesOnlyWhatIsGone() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let (gone, _) = try site.container("gone", on: network)
        let (stranger, strangerAttachment) = try site.container("another program's", on: network)
        gone.end()
        // What a process leaves that died between making the file and writing it.
        #expect(FileManager.default.createFile(atPath: site.directory + "/10.199.0.9", contents: nil))
        try NetworkNamespace.wait("the lease to end") {
            #expect(try network.recover(keeping: ["unknown"]).isEmpty)
            let files = try FileManager.default.contentsOfDirectory(atPath: site.directory)
            return files.filter { !$0.hasPrefix(".") } == ["\(strangerAttachment.address)"]
        }
        #expect(try stranger.reaches(NetworkSite.outside))
    }

    @Test func sharedNetworkKeepsTheWorkersRules() throws {
        let site = try NetworkSite()
        _ = try site.network(NetworkSite.configuration(allowHostAccess: true))
        let (container, _) = try site.container("a", on: site.network(adoption: .keep))
        #expect(try container.reaches(NetworkSite.hostAddress))
    }

    @Test func flushedRulesAreRestoredBeforeTheNextContainer() throws {
        let site = try NetworkSite()
        let network = try site.network()
        try site.host.command("nft flush ruleset")
        let (container, _) = try site.container("a", on: network)
        #expect(try container.refusal(NetworkSite.hostAddress).contains("filtered"))
        #expect(try container.reaches(NetworkSite.outside))
    }

    @Test func removedBridgeIsMadeAgain() throws {
        let site = try NetworkSite()
        let network = try site.network()
        try site.host.command("ip link del aprontest0")
        let (container, _) = try site.container("a", on: network)
        #expect(try container.reaches(NetworkSite.outside))
    }

    @Test func interfaceInTheWayIsRemoved() throws {
        let site = try NetworkSite()
        // Five addresses, and all of them once had a container whose namespace is still there.
        let network = try site.network(NetworkSite.configuration(pool: "10.199.0.0/29"))
        let former = try (0..<5).map { try site.container("former \($0)", on: network) }
        for (_, attachment) in former { try network.detach(attachment.lease) }
        let (container, attachment) = try site.container("a", on: network)
        #expect(try container.reaches(NetworkSite.outside))
        #expect(former.contains { $0.1.address == attachment.address })
    }

    @Test func failedAttachmentLeavesNothing() throws {
        let site = try NetworkSite()
        let network = try site.network()
        let before = try site.state()
        let container = try NetworkNamespace()
        let processID = container.processID
        container.end()
        let error = #expect(throws: KernelError.self) {
            try site.host.run { try network.attach(handle: "a", processID: processID) }
        }
        #expect(error?.call == "netlink RTM_NEWLINK")
        #expect(error?.errno == .noProcess)
        #expect(error?.subject?.hasPrefix("ap0ac70002") == true)
        #expect(try site.state() == before)
        #expect(try site.host.run { try network.tearDown() })
    }

    @Test func interfaceThatIsNoBridgeIsRefused() throws {
        let site = try NetworkSite()
        try site.host.command("ip link add aprontest0 type veth peer name aprontest1")
        let before = try site.state()
        let error = #expect(throws: NetworkError.self) { try site.network() }
        #expect(error?.description == "interface aprontest0 exists and is no bridge")
        #expect(try site.state() == before)
    }

    @Test func kernelsOwnSentenceIsInTheError() throws {
        let site = try NetworkSite()
        let error = #expect(throws: KernelError.self) {
            try site.host.run { try Nftables.run("add rule inet absent c accept") }
        }
        #expect(error?.call == "nft")
        #expect(error?.errno == .noEntry)
        #expect(error?.subject?.contains("No such file or directory") == true)
    }

    private let foreignRules = """
        table ip foreign {
            set s {
                type ipv4_addr
                elements = { 192.0.2.1 }
            }
            chain FORWARD {
                type filter hook forward priority 0; policy accept;
                ip daddr 192.0.2.9 drop
            }
            chain INPUT {
                type filter hook input priority 0; policy accept;
                tcp dport 4711 counter accept
            }
        }
        table inet foreign {
            chain c {
                type nat hook postrouting priority 100; policy accept;
                oifname "up1" masquerade
            }
        }

        """

    private let droppingRules = """
        table ip strict {
            chain FORWARD {
                type filter hook forward priority 0; policy drop;
            }
        }
        table inet lastrule {
            chain passing {
                type filter hook forward priority 0; policy accept;
                iifname "up1" accept
                counter drop
            }
        }
        table ip rejecting {
            chain f {
                type filter hook forward priority 0; policy accept;
                reject
            }
        }
        table ip elsewhere {
            chain o {
                type filter hook output priority 0; policy drop;
            }
        }
        table ip6 elsewhere {
            chain f {
                type filter hook forward priority 0; policy drop;
            }
        }

        """
}
