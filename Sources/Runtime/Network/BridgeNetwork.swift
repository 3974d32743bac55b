internal import Firewall
internal import Kernel
internal import Synchronization
internal import Telemetry

/// Containers behind one bridge: each gets an address and a virtual cable, and reaches the outside under the host's
/// address.
///
/// What is common to all containers (bridge, forwarding, firewall) is made at start; connecting one needs a single
/// exchange with the kernel and no firewall rule. All calls may block for as long as the kernel's network lock is held.
public final class BridgeNetwork: Sendable {
    /// What happens at start to firewall tables of the network's name that are there and differ.
    public enum Adoption: Sendable {
        /// They are replaced: for the worker, whose settings count.
        case replace
        /// They stay: for a program that runs beside a worker and shares its network.
        case keep
    }

    /// What the network was made with.
    public let configuration: NetworkConfiguration
    /// The largest packet in bytes.
    public let mtu: UInt32

    private let addresses: AddressPool
    private let routeSocket: NetlinkSocket
    private let firewallSocket: NetlinkSocket
    private let rules: FirewallRules
    private let bridgeIndex = Atomic<UInt32>(0)

    /// Where names and indexes of interfaces are still taken by former containers: try the next address this often,
    /// then remove what is in the way.
    private static let freshAddressesMax = 4
    /// Tries of one attachment in all; the ones after `freshAddressesMax` cannot fail for that reason but by a race.
    private static let attemptsMax = 8
    /// Makes the network or takes it over, in the network namespace of the calling thread.
    /// - Parameters:
    ///   - configuration: what it shall be
    ///   - leasesDirectory: where the leases are, for all processes that use this bridge; its parent must exist
    ///   - adoption: what to do with tables that are there
    public init(
        _ configuration: NetworkConfiguration, leasesDirectory: String, adoption: Adoption = .replace
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        rules = FirewallRules(configuration)
        addresses = try AddressPool(configuration.pool, directory: leasesDirectory)
        routeSocket = try NetlinkSocket(.route)
        firewallSocket = try NetlinkSocket(.netfilter)
        mtu = try routeSocket.mtu(configuration)
        try addresses.directory.locked(.exclusive) {
            try prepareBridge()
            try prepareFirewall(adoption)
        }
    }

    /// Connects the network namespace of a process: leases an address and makes the cable, whose end in the container
    /// is down and has no address yet; ``NetworkAttachment/setup`` is for process 1 to send.
    ///
    /// - Parameters:
    ///   - handle: the container's handle, remembered with the lease
    ///   - pid: a process in the container's network namespace, which has no `eth0` yet
    /// - Throws: ``NetworkError`` when no address is free, else a ``KernelError``; nothing is left behind then
    public func attach(handle: String, processID pid: Int32) throws -> NetworkAttachment {
        // Shared with other attachments; keeps tearDown and recover from taking half an attachment for a leftover.
        try addresses.directory.locked(.shared) {
            if try !firewallSocket.hasTable(configuration.table) {
                // Somebody flushed the whole ruleset; without ours the container would reach the host.
                try traced(.nat) { _ in try Nftables.run(rules.installation) }
            }
            for attempt in 1...BridgeNetwork.attemptsMax {
                let lease = try traced(.address) { span in
                    let lease = try addresses.lease(to: handle)
                    span.set("apron.network.address", "\(lease.address)")
                    return lease
                }
                do {
                    try traced(.veth) { _ in
                        if attempt > BridgeNetwork.freshAddressesMax { try removeInterface(of: lease) }
                        try connect(lease, pid)
                    }
                    return NetworkAttachment(lease, configuration)
                } catch {
                    try addresses.release(lease)
                    guard attempt < BridgeNetwork.attemptsMax, try isWorthAnotherTry(error) else { throw error }
                }
            }
            preconditionFailure("the last attempt returns or throws")
        }
    }

    /// Gives a container's address back.
    ///
    /// Its interface goes with its network namespace, which takes no time here; removing it costs 16 to 20 ms. Where
    /// the namespace outlives the container, the interface is removed when its address is leased again.
    public func detach(_ lease: NetworkLease) throws { try addresses.release(lease) }

    /// Ends the leases of containers that are gone; run at start.
    ///
    /// A lease whose interface is still there is kept whosever it is: another process's container may have it.
    /// - Parameter handles: the containers that are there
    /// - Returns: their leases
    public func recover(keeping handles: Set<String>) throws -> [String: NetworkLease] {
        try addresses.directory.locked(.exclusive) {
            var kept: [String: NetworkLease] = [:]
            for lease in try addresses.leases() {
                if handles.contains(lease.handle) {
                    kept[lease.handle] = lease
                } else if try routeSocket.link(lease.hostInterfaceIndex) == nil {
                    try addresses.release(lease)
                }
            }
            return kept
        }
    }

    /// Removes bridge and firewall tables unless an address is leased.
    /// - Returns: whether they were removed
    @discardableResult
    public func tearDown() throws -> Bool {
        try addresses.directory.locked(.exclusive) {
            guard try addresses.leases().isEmpty else { return false }
            if let bridge = try existingBridge() {
                try routeSocket.send([RoutePacket.deleteLink(bridge.index, subject: bridge.name)])
            }
            try Nftables.run(rules.removal)
            return true
        }
    }

    /// What on this host would keep containers from reaching the outside, one sentence each; lists all firewall chains.
    public func warnings() throws -> [String] {
        let chains = try firewallSocket.forwardChains().filter { $0.dropsByDefault && $0.table != configuration.table }
        let overlaps = try routeSocket.mainRoutes(limit: NetlinkSocket.routesMax).filter {
            $0.interface != bridgeIndex.load(ordering: .relaxed) && $0.destination.prefixLength > 0
                && $0.destination.overlaps(configuration.pool)
        }
        let refused = "containers reach nothing outside unless it accepts those of interface \(configuration.bridge)"
        let drops = chains.map {
            "firewall table \($0.family) \($0.table), chain \($0.name) drops forwarded packets by default: \(refused)"
        }
        let shadows = overlaps.map {
            "network pool \(configuration.pool) overlaps the host's route to \($0.destination): "
                + "containers and what is there cannot reach each other"
        }
        return drops + shadows
    }

    /// The messages, as ``NetworkAttachment/setup``, of a container without a network: loopback only.
    public static let loopbackSetup: [[UInt8]] = NetworkAttachment.encoded([NetworkAttachment.loopbackUp])
}

extension BridgeNetwork {
    /// Makes the bridge or adjusts it, and lets the host pass packets on.
    private func prepareBridge() throws {
        let name = configuration.bridge
        if try existingBridge() == nil {
            let hardware = EthernetAddress(of: configuration.gateway)
            try routeSocket.send([RoutePacket.createBridge(name, hardware: hardware, mtu: mtu)])
        }
        guard let bridge = try existingBridge() else {
            throw KernelError(call: "netlink RTM_GETLINK", errno: .noDevice, subject: name)
        }
        // Before the bridge comes up, so that it never has an IPv6 address; a kernel without IPv6 has no such setting.
        try NetworkSetting("ipv6/conf/\(name)/disable_ipv6").setIfKnown("1")
        // Answers a container's ARP request for another with the host's own address: so the request to connect reaches
        // the firewall, which refuses it at once, where isolation alone would let it wait.
        try NetworkSetting("ipv4/conf/\(name)/proxy_arp_pvlan").set("1")
        try NetworkSetting("ipv4/ip_forward").set("1")
        try bringUp(bridge)
        bridgeIndex.store(bridge.index, ordering: .relaxed)
    }

    private func bringUp(_ bridge: LinkInformation) throws {
        let hardware = EthernetAddress(of: configuration.gateway)
        let subject = "\(configuration.gateway) on \(bridge.name)"
        try routeSocket.send([
            RoutePacket.configureLink(bridge.index, hardware: hardware, mtu: mtu, subject: bridge.name),
            RoutePacket.setUp(bridge.index, subject: bridge.name),
        ])
        let address = RoutePacket.addAddress(
            configuration.gateway, prefixLength: configuration.pool.prefixLength, to: bridge.index, subject: subject)
        do throws(KernelError) { try routeSocket.send([address]) } catch {
            // A bridge that was taken over has the address already.
            guard error.errno == .exists else { throw error }
        }
    }

    private func prepareFirewall(_ adoption: Adoption) throws {
        if adoption == .keep, try firewallSocket.hasTable(configuration.table) { return }
        if try firewallSocket.hasChain(rules.fingerprint, inTable: configuration.table) { return }
        try Nftables.run(rules.installation)
    }

    private func existingBridge() throws -> LinkInformation? {
        guard let link = try routeSocket.link(named: configuration.bridge) else { return nil }
        guard link.kind == "bridge" else {
            throw NetworkError.unsuitable("interface \(link.name) exists and is no bridge")
        }
        return link
    }

    private func connect(_ lease: NetworkLease, _ pid: Int32) throws {
        let pair = VethPair(
            port: VethPair.Port(
                name: lease.hostInterface, index: lease.hostInterfaceIndex,
                bridge: bridgeIndex.load(ordering: .relaxed)),
            peer: VethPair.Peer(
                name: NetworkAttachment.containerInterface, index: NetworkAttachment.containerInterfaceIndex,
                hardware: EthernetAddress(of: lease.address), processID: pid),
            mtu: mtu)
        do throws(KernelError) {
            try routeSocket.send(pair.packets)
        } catch {
            // A conflict means that the interface is somebody else's, or still is.
            if !error.isConflict { try removeInterface(of: lease) }
            throw error
        }
    }

    /// Removes an interface of the lease's name, whosever it was: whoever has the lease is the only one entitled to it.
    private func removeInterface(of lease: NetworkLease) throws {
        do throws(KernelError) {
            try routeSocket.send([RoutePacket.deleteLink(lease.hostInterfaceIndex, subject: lease.hostInterface)])
        } catch  where error.errno == .noDevice {}
    }

    /// Whether an attachment failed for a reason that is, or has just been, removed.
    private func isWorthAnotherTry(_ error: any Error) throws -> Bool {
        guard let error = error as? KernelError else { return false }
        if error.isConflict { return true }
        // Somebody removed the bridge, maybe another program that shared it and saw no more leases.
        guard error.errno == .invalid || error.errno == .noDevice else { return false }
        guard try existingBridge()?.index != bridgeIndex.load(ordering: .relaxed) else { return false }
        try prepareBridge()
        return true
    }
}

extension NetlinkSocket {
    /// Routes of the main table that are looked at; a host with more has the whole Internet's, and an MTU set by hand.
    fileprivate static let routesMax = 10_000

    /// When there is no default route.
    private static let fallbackMTU: UInt32 = 1500

    /// The configured MTU, else that of the interface that the best default route leads to.
    fileprivate func mtu(_ configuration: NetworkConfiguration) throws -> UInt32 {
        if let mtu = configuration.mtu { return mtu }
        let best = try mainRoutes(limit: NetlinkSocket.routesMax)
            .filter { $0.destination.prefixLength == 0 && $0.interface != nil }
            .min { $0.metric < $1.metric }
        guard let interface = best?.interface, let link = try link(interface) else { return NetlinkSocket.fallbackMTU }
        return link.mtu
    }
}

extension KernelError {
    /// Whether a new link's name (EEXIST) or index (EBUSY) is taken.
    fileprivate var isConflict: Bool { errno == .exists || errno == .busy }
}
