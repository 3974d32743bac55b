internal import CKernel

/// What the kernel says about a network interface.
public struct LinkInformation: Hashable, Sendable {
    /// The interface's number in its namespace.
    public let index: UInt32
    /// Its name.
    public let name: String
    /// The driver's name, such as `bridge` or `veth`; nil for hardware.
    public let kind: String?
    /// The largest packet in bytes.
    public let mtu: UInt32
}

extension NetlinkSocket {
    /// The link of this name, or nil when there is none.
    public func link(named name: String) throws(KernelError) -> LinkInformation? {
        try link(RoutePacket.findLink(name))
    }

    /// The link of this index, or nil when there is none.
    public func link(_ index: UInt32) throws(KernelError) -> LinkInformation? {
        try link(RoutePacket.findLink(index, subject: "link \(index)"))
    }

    private func link(_ request: NetlinkPacket) throws(KernelError) -> LinkInformation? {
        var link: LinkInformation?
        do {
            try query(request, limit: 1) { link = LinkInformation($0) }
        } catch {
            guard error.errno == .noDevice else { throw error }
        }
        return link
    }
}

extension LinkInformation {
    /// Reads an RTM_NEWLINK message.
    init?(_ message: NetlinkMessage) {
        // struct ifinfomsg: the index is at offset 4, 16 bytes in all.
        guard message.type == UInt16(RTM_NEWLINK), let index = UInt32(hostBytes: message.payload.dropFirst(4)) else {
            return nil
        }
        let attributes = message.attributes(after: 16)
        guard let name = attributes[IFLA_IFNAME]?.text else { return nil }
        self.index = index
        self.name = name
        mtu = attributes[IFLA_MTU].flatMap { UInt32(hostBytes: $0) } ?? 0
        kind = attributes[IFLA_LINKINFO].flatMap { NetlinkAttributes($0)[IFLA_INFO_KIND] }?.text
    }
}
