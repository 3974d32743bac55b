import Foundation
import Kernel
import Runtime
import Testing

/// A test's own internet: a host with a bridge network, and an outside world that knows only the host.
///
/// The host is 203.0.113.1; outside are 203.0.113.2 and 198.51.100.2, which have no route to the containers' pool.
final class NetworkSite: Sendable {
    static let outside = "203.0.113.2"
    static let farOutside = "198.51.100.2"
    static let hostAddress = "203.0.113.1"
    static let gateway = "10.199.0.1"

    let host: NetworkNamespace
    let world: NetworkNamespace
    /// Where the leases are.
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("leases-\(UUID())").path

    init() throws {
        host = try NetworkNamespace()
        world = try NetworkNamespace()
        try host.command(
            """
            ip link set lo up
            ip link add up0 mtu 1400 type veth peer name down0 mtu 1400 netns \(world.processID)
            ip addr add \(NetworkSite.hostAddress)/24 dev up0
            ip link set up0 up
            ip route add default via \(NetworkSite.outside)
            """)
        try world.command(
            """
            ip link set lo up
            ip addr add \(NetworkSite.outside)/24 dev down0
            ip addr add \(NetworkSite.farOutside)/32 dev down0
            ip link set down0 up
            """)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// The settings of all tests: names and a pool that no worker on this machine has.
    static func configuration(
        pool: String = "10.199.0.0/16", restricted: [String] = [], allowHostAccess: Bool = false
    ) throws -> NetworkConfiguration {
        NetworkConfiguration(
            pool: try #require(CIDR(pool)), restrictedNetworks: try restricted.map { try #require(CIDR($0)) },
            allowHostAccess: allowHostAccess, bridge: "aprontest0", table: "aprontest")
    }

    /// Makes the network on this site's host.
    func network(
        _ configuration: NetworkConfiguration? = nil, adoption: BridgeNetwork.Adoption = .replace
    ) throws -> BridgeNetwork {
        let configuration = try configuration ?? NetworkSite.configuration()
        let directory = directory
        return try host.run {
            try BridgeNetwork(configuration, leasesDirectory: directory, adoption: adoption)
        }
    }

    /// A container that is connected and set up.
    func container(_ handle: String, on network: BridgeNetwork) throws -> (NetworkNamespace, NetworkAttachment) {
        let container = try NetworkNamespace()
        let processID = container.processID
        let attachment = try host.run { try network.attach(handle: handle, processID: processID) }
        try container.apply(attachment.setup)
        return (container, attachment)
    }

    /// The host's links, addresses, routes and rules, without the states of links, which follow a little later.
    func state() throws -> String {
        try host.command(
            """
            ip -o link | sed 's/^[0-9]*: //; s/<[^>]*>//; s/ state [A-Z]*//; s/ qlen .*//'
            ip -o -4 addr | sed 's/^[0-9]*: //'
            ip route
            nft list ruleset
            """)
    }
}
