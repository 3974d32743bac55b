internal import CCapability
internal import Glibc

/// A set of capabilities; bit n is capability n. Bits without a name are kept (capabilities(7)).
public struct CapabilitySet: OptionSet, Hashable, Sendable, CustomStringConvertible {
    /// The mask, as in `CapEff:` of `/proc/<pid>/status`.
    public let rawValue: UInt64

    /// A set by its mask.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The names in the order of their numbers, as of Linux 5.9; a name's index is its number.
    public static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    /// The capability of a name such as `CAP_CHOWN`; nil when there is none.
    public init?(name: String) {
        guard let number = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: 1 << UInt64(number))
    }

    /// The set of some names, all of which must be in ``names``.
    public init(names: [String]) {
        self = names.reduce(into: []) { set, name in
            guard let one = CapabilitySet(name: name) else { preconditionFailure("no capability \(name)") }
            set.formUnion(one)
        }
    }

    /// The bounding set as it was when this was first asked for, by threads that give nothing up.
    public static let boundingAtStart = bounding

    /// The bounding set of the calling thread, which no exec can exceed (cap_get_bound(3)).
    public static var bounding: CapabilitySet {
        var set: CapabilitySet = []
        // The kernel answers EINVAL from the first number that it does not know.
        for number in 0..<64 {
            let answer = cap_get_bound(cap_value_t(number))
            if answer < 0 { break }
            if answer > 0 { set.formUnion(CapabilitySet(rawValue: 1 << UInt64(number))) }
        }
        return set
    }

    /// The names; a capability without one by its number.
    public var description: String {
        let held = (0..<64).filter { rawValue >> UInt64($0) & 1 == 1 }
        return held.map { $0 < Self.names.count ? Self.names[$0] : "\($0)" }.joined(separator: " ")
    }
}
