public import Kernel

/// Which capabilities the programs of a container get: effective, permitted, inheritable and bounding alike.
public enum CapabilityProfile: Sendable {
    /// The fourteen of an ordinary container.
    case unprivileged
    /// Those and CAP_SYS_ADMIN, for FUSE mounts.
    case fuseOnly
    /// All up to CAP_AUDIT_READ.
    case full

    /// The capabilities of the profile.
    public var nominal: CapabilitySet {
        switch self {
        case .unprivileged: Self.ordinary
        case .fuseOnly: Self.ordinary.union(CapabilitySet(names: ["CAP_SYS_ADMIN"]))
        case .full: CapabilitySet(rawValue: (1 << 38) - 1)
        }
    }

    /// Those of the profile that the host can give: where the daemon itself lacks one, its containers go without.
    public func granted(bounding: CapabilitySet = .boundingAtStart) -> CapabilitySet {
        nominal.intersection(bounding)
    }

    private static let ordinary = CapabilitySet(names: [
        "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ])
}
