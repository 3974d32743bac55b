internal import CKernel
internal import Glibc

/// A base chain of nf_tables: one that the kernel asks about packets at a hook.
public struct FirewallChain: Hashable, Sendable {
    /// `ip`, `inet` and so on.
    public let family: String
    /// The table's name.
    public let table: String
    /// The chain's name.
    public let name: String
    /// Whether the hook is the one for packets that the host passes on.
    public let isForward: Bool
    /// Whether a packet that no rule decides about is dropped, by policy or by a last rule without a condition.
    public let dropsByDefault: Bool
}

extension NetlinkSocket {
    /// More base chains than any host has; the next ones are not looked at.
    private static let chainsMax = 10_000
    /// Rules of one chain that are looked at for an unconditional drop.
    private static let rulesMax = 100_000

    /// Whether the nf_tables table `inet name` exists.
    public func hasTable(_ name: String) throws(KernelError) -> Bool {
        var request = NetlinkPacket(netfilter: "NFT_MSG_GETTABLE", NFT_MSG_GETTABLE, family: NFPROTO_INET, name)
        request.attribute(Int(NFTA_TABLE_NAME.rawValue), name)
        return try exists(request)
    }

    /// Whether the table `inet name` has a chain of this name.
    public func hasChain(_ chain: String, inTable table: String) throws(KernelError) -> Bool {
        var request = NetlinkPacket(netfilter: "NFT_MSG_GETCHAIN", NFT_MSG_GETCHAIN, family: NFPROTO_INET, chain)
        request.attribute(Int(NFTA_CHAIN_TABLE.rawValue), table)
        request.attribute(Int(NFTA_CHAIN_NAME.rawValue), chain)
        return try exists(request)
    }

    /// The base chains through which packets passed on by the host go, of all tables for IPv4.
    public func forwardChains() throws(KernelError) -> [FirewallChain] {
        let list = NetlinkPacket(
            netfilter: "NFT_MSG_GETCHAIN", NFT_MSG_GETCHAIN, family: NFPROTO_UNSPEC, flags: NLM_F_DUMP, "chains")
        var chains: [FirewallChain] = []
        try query(list, limit: NetlinkSocket.chainsMax) { message in
            if let chain = FirewallChain(message), chain.isForward { chains.append(chain) }
        }
        return try chains.map { (chain) throws(KernelError) in
            chain.dropsByDefault ? chain : chain.dropping(try lastRuleDrops(chain))
        }
    }

    private func lastRuleDrops(_ chain: FirewallChain) throws(KernelError) -> Bool {
        var list = NetlinkPacket(
            netfilter: "NFT_MSG_GETRULE", NFT_MSG_GETRULE,
            family: chain.family == "ip" ? NFPROTO_IPV4 : NFPROTO_INET, flags: NLM_F_DUMP, chain.name)
        list.attribute(Int(NFTA_RULE_TABLE.rawValue), chain.table)
        list.attribute(Int(NFTA_RULE_CHAIN.rawValue), chain.name)
        var drops = false
        try query(list, limit: NetlinkSocket.rulesMax) { drops = drops || $0.dropsUnconditionally }
        return drops
    }

    private func exists(_ request: NetlinkPacket) throws(KernelError) -> Bool {
        do {
            try query(request, limit: 1) { _ in }
            return true
        } catch {
            guard error.errno == .noEntry else { throw error }
            return false
        }
    }
}

extension FirewallChain {
    /// Reads a chain message; nil for a chain without a hook and for families that IPv4 packets do not meet.
    init?(_ message: NetlinkMessage) {
        let attributes = message.attributes(after: NetlinkPacket.netfilterHeaderLength)
        guard let family = message.payload.first.map(Int32.init),
            family == NFPROTO_INET || family == NFPROTO_IPV4,
            let table = attributes[Int(NFTA_CHAIN_TABLE.rawValue)]?.text,
            let name = attributes[Int(NFTA_CHAIN_NAME.rawValue)]?.text,
            let hook = attributes[Int(NFTA_CHAIN_HOOK.rawValue)],
            let hookNumber = NetlinkAttributes(hook)[Int(NFTA_HOOK_HOOKNUM.rawValue)]?.networkUInt32
        else { return nil }
        self.family = family == NFPROTO_IPV4 ? "ip" : "inet"
        self.table = table
        self.name = name
        isForward = hookNumber == NF_INET_FORWARD
        dropsByDefault = attributes[Int(NFTA_CHAIN_POLICY.rawValue)]?.networkUInt32 == NF_DROP
    }

    fileprivate func dropping(_ drops: Bool) -> FirewallChain {
        FirewallChain(family: family, table: table, name: name, isForward: isForward, dropsByDefault: drops)
    }
}

extension NetlinkMessage {
    /// Whether a rule message refuses every packet: only counts, logs and comments before a drop or a reject.
    fileprivate var dropsUnconditionally: Bool {
        let list = attributes(after: NetlinkPacket.netfilterHeaderLength)[Int(NFTA_RULE_EXPRESSIONS.rawValue)]
        guard let list else { return false }
        for element in NetlinkAttributes(list) {
            let expression = NetlinkAttributes(element.value)
            switch expression[Int(NFTA_EXPR_NAME.rawValue)]?.text {
            case "counter", "log": continue
            case "reject": return true
            case "immediate": return expression[Int(NFTA_EXPR_DATA.rawValue)].map(isDropVerdict) ?? false
            default: return false
            }
        }
        return false
    }
}

private func isDropVerdict(_ immediate: ArraySlice<UInt8>) -> Bool {
    guard let data = NetlinkAttributes(immediate)[Int(NFTA_IMMEDIATE_DATA.rawValue)],
        let verdict = NetlinkAttributes(data)[Int(NFTA_DATA_VERDICT.rawValue)],
        let code = NetlinkAttributes(verdict)[Int(NFTA_VERDICT_CODE.rawValue)]?.networkUInt32
    else { return false }
    return code == NF_DROP
}

// From linux/netfilter.h, which cannot be imported beside the C library's own network headers.
private let NFPROTO_UNSPEC: Int32 = 0
private let NFPROTO_INET: Int32 = 1
private let NFPROTO_IPV4: Int32 = 2
private let NF_INET_FORWARD: UInt32 = 2
private let NF_DROP: UInt32 = 0

extension NetlinkPacket {
    /// The length of `struct nfgenmsg`.
    fileprivate static let netfilterHeaderLength = 4

    /// Starts an nf_tables request.
    fileprivate init(
        netfilter name: String, _ type: nf_tables_msg_types, family: Int32, flags: Int32 = NLM_F_ACK, _ subject: String
    ) {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(type.rawValue)
        self.init(name, type: type, flags: flags, subject: subject)
        append(UInt8(family))
        append(UInt8(NFNETLINK_V0))
        append(UInt16(0))  // resource
    }
}
