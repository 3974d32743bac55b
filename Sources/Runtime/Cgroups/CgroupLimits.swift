/// What a container may use; nil means no limit.
///
/// Values go to the kernel as they are: what it refuses comes back as its error with the control file and the value.
public struct CgroupLimits: Hashable, Sendable {
    /// Bytes of memory; swap is not added to it.
    public var memoryBytes: UInt64?
    /// CPU shares on the scale of cgroup v1: 2 to 262,144, ordinary 1,024.
    public var cpuShares: UInt64?
    /// CPU time per real time, in processors: 1.5 is one and a half processors.
    public var cpuQuota: Double?
    /// Processes and threads, process 1 included on v1.
    public var pids: UInt64?

    /// Limits; none by default.
    public init(
        memoryBytes: UInt64? = nil,
        cpuShares: UInt64? = nil,
        cpuQuota: Double? = nil,
        pids: UInt64? = nil
    ) {
        self.memoryBytes = memoryBytes
        self.cpuShares = cpuShares
        self.cpuQuota = cpuQuota
        self.pids = pids
    }

    /// `cpu.weight` of v2 (1 to 10,000) for the shares of v1, as the OCI runtimes and systemd convert them.
    public static func weight(fromShares shares: UInt64) -> UInt64 {
        1 + (min(max(shares, 2), 262_144) - 2) * 9999 / 262_142
    }

    /// The period of every CPU quota: the kernel's own default.
    static let quotaPeriodMicroseconds: UInt64 = 100_000

    /// CPU time in a period; the kernel takes no less than 1 ms.
    var quotaMicroseconds: UInt64? {
        guard let cpuQuota, cpuQuota > 0, cpuQuota.isFinite else { return nil }
        // More processors than any machine has, and still far from overflow.
        let processors = min(cpuQuota, 1_000_000)
        return max(1000, UInt64(processors * Double(Self.quotaPeriodMicroseconds)))
    }
}
