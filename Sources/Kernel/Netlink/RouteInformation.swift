internal import CKernel

/// An IPv4 route of the main table.
public struct RouteInformation: Hashable, Sendable {
    /// Where it leads; 0.0.0.0/0 for a default route.
    public let destination: CIDR
    /// The interface it uses, the first one of several; nil for a route that refuses.
    public let interface: UInt32?
    /// The lower, the better.
    public let metric: UInt32
}

extension NetlinkSocket {
    /// The IPv4 routes of the main table, at most `limit`.
    public func mainRoutes(limit: Int) throws(KernelError) -> [RouteInformation] {
        var routes: [RouteInformation] = []
        try query(RoutePacket.listRoutes(), limit: limit) { message in
            if let route = RouteInformation(message) { routes.append(route) }
        }
        return routes
    }
}

extension RouteInformation {
    /// Reads an RTM_NEWROUTE message; nil for other tables.
    init?(_ message: NetlinkMessage) {
        // struct rtmsg: destination's prefix length at offset 1, table at 4, type at 7, 12 bytes in all.
        let header = Array(message.payload.prefix(12))
        guard message.type == UInt16(RTM_NEWROUTE), header.count == 12, header[1] <= 32 else { return nil }
        guard header[4] == UInt8(RT_TABLE_MAIN.rawValue) else { return nil }
        let attributes = message.attributes(after: 12)
        let network = attributes[Int(RTA_DST.rawValue)]?.networkUInt32 ?? 0
        destination = CIDR(containing: IPv4Address(rawValue: network), prefixLength: header[1])
        metric = attributes[Int(RTA_PRIORITY.rawValue)].flatMap { UInt32(hostBytes: $0) } ?? 0
        // struct rtnexthop of a route with several ways: the interface is at offset 4.
        let hop = attributes[Int(RTA_MULTIPATH.rawValue)].flatMap { UInt32(hostBytes: $0.dropFirst(4)) }
        interface = attributes[Int(RTA_OIF.rawValue)].flatMap { UInt32(hostBytes: $0) } ?? hop
    }
}
