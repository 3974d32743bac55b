internal import Kernel

/// The firewall tables of a network, in the language of nft(8): the same whatever containers there are.
///
/// - Containers reach the outside under the host's address, but neither restricted networks, the host itself nor each
///   other; nobody outside can open a connection to them.
/// - A port of the bridge sends only from the hardware address pinned to it (``VethPair``), and the last four bytes of
///   that are the container's IPv4 address. So one comparison byte by byte, which two small sets express, finds every
///   forged IPv4 or ARP source without a rule for each container.
/// - What one container sends to another is refused on arrival already: where the host would forward it, it would first
///   send a redirect, and then the kernel's rate limit would swallow the refusal.
struct FirewallRules: Hashable {
    private let configuration: NetworkConfiguration

    init(_ configuration: NetworkConfiguration) { self.configuration = configuration }

    /// The name of an empty chain that tells these rules from others of the same table.
    var fingerprint: String {
        // FNV-1a, 64 bits: not a secret, only unlikely to repeat by accident.
        let hash = body(fingerprint: "").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
            (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return "rules_" + String(hash, radix: 16)
    }

    /// Replaces the tables, all in one transaction.
    var installation: String { removal + body(fingerprint: "chain \(fingerprint) {}") }

    /// Removes the tables; adding them first makes it no error when they are not there.
    var removal: String {
        let table = configuration.table
        return """
            add table inet \(table)
            add table arp \(table)
            delete table inet \(table)
            delete table arp \(table)

            """
    }

    private func body(fingerprint: String) -> String {
        """
        table inet \(configuration.table) {
            \(fingerprint)
            chain arriving {
                type filter hook prerouting priority raw; policy accept;
                iifname != "\(configuration.bridge)" accept
                ip saddr != \(configuration.pool) drop
        \(forgedRules(hardware: "ether saddr", address: "ip saddr"))
                ip daddr \(configuration.pool) ip daddr != \(configuration.gateway) \(refusal)
            }
            chain forward {
                type filter hook forward priority filter; policy accept;
                iifname "\(configuration.bridge)" jump leaving
                oifname "\(configuration.bridge)" jump entering
            }
            chain leaving {
                meta nfproto != ipv4 \(refusal)
                oifname "\(configuration.bridge)" \(refusal)
                ct state established,related accept
        \(restrictedRules)
                accept
            }
            chain entering {
                ct state established,related accept
                drop
            }
            chain input {
                type filter hook input priority filter; policy accept;
                iifname "\(configuration.bridge)" jump host
            }
            chain host {
                ct state established,related accept
                \(configuration.allowHostAccess ? "accept" : refusal)
            }
            chain translate {
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr \(configuration.pool) oifname != "\(configuration.bridge)" masquerade
            }
        }
        table arp \(configuration.table) {
            chain arriving {
                type filter hook input priority filter; policy accept;
                iifname != "\(configuration.bridge)" accept
                arp saddr ip != \(configuration.pool) drop
        \(forgedRules(hardware: "arp saddr ether", address: "arp saddr ip"))
            }
        }

        """
    }

    /// Tells the sender at once; TCP's connect(2) then says EHOSTUNREACH.
    private let refusal = "reject with icmpx type admin-prohibited"

    private var restrictedRules: String {
        configuration.restrictedNetworks
            .map { "        ip daddr \($0) \(refusal)" }
            .joined(separator: "\n")
    }

    /// Drops what comes from a hardware address whose low bytes differ from those of the IPv4 address; the bytes that
    /// all addresses of the pool share need no comparison.
    private func forgedRules(hardware: String, address: String) -> String {
        (Int(configuration.pool.prefixLength / 8)..<4).map { position in
            let elements = (0...255).map { "\(hardwareByte(position, $0)) . \(addressByte(position, $0))" }
            return """
                        \(hardware) & \(hardwareByte(position, 255)) . \(address) & \(addressByte(position, 255)) != {
                            \(elements.joined(separator: ", "))
                        } drop
                """
        }.joined(separator: "\n")
    }

    /// An Ethernet address that is zero but for the byte that repeats byte `position` of the IPv4 address.
    private func hardwareByte(_ position: Int, _ value: Int) -> String {
        let digits = String(value, radix: 16)
        return (0..<6).map { $0 == position + 2 ? (digits.count == 1 ? "0" + digits : digits) : "00" }
            .joined(separator: ":")
    }

    /// An IPv4 address that is zero but for byte `position`.
    private func addressByte(_ position: Int, _ value: Int) -> String {
        (0..<4).map { $0 == position ? "\(value)" : "0" }.joined(separator: ".")
    }
}
