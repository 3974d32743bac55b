public import Runtime

/// What the worker needs to know to run containers; made by the command line.
public struct WorkerSettings: Sendable {
    /// What a privileged request gets.
    public enum PrivilegedMode: String, Sendable, CaseIterable {
        /// No user namespace and all capabilities.
        case full
        /// A user namespace and only what FUSE needs on top.
        case fuseOnly = "fuse-only"
        /// As if it had not been asked for.
        case ignore
    }

    /// Everything the worker writes lies below it.
    public var workDirectory: String
    /// The executable of process 1.
    public var initPath: String
    /// Volumes that containers may use; nil: every path of a request is a plain path of the host.
    public var volumes: VolumeSettings?
    /// Most containers at a time; 0 is no limit.
    public var containersMax = 250
    /// The image directory used when a create names none.
    public var defaultRootfs: String?
    /// Whose habits to follow.
    public var compatibility = Compatibility.concourse
    /// What a privileged request gets.
    public var privilegedMode = PrivilegedMode.full
    /// Devices that every container may use besides the standard ones.
    public var allowedDevices: [DeviceRule] = []
    /// The operator's system call filter; nil: the built-in ones.
    public var seccompFile: SeccompFile?
    /// Bridge, pool, rules, name servers; nil: no container has a network.
    public var network: NetworkConfiguration? = NetworkConfiguration()
    /// Leaves a firewall as another worker with the same bridge has made it.
    public var sharesNetwork = false
    /// Where addresses are leased; shared by every process that uses the bridge.
    public var leasesDirectory = "/run/apron/leases"
    /// Where things are kept that can be made again, until the host restarts; writable by root alone.
    public var cacheDirectory = "/run/apron"
    /// The directory below our own cgroup that containers' cgroups are made in.
    public var cgroupParent = "apron"
    /// Names of kernel features to do without, comma-separated (APRON_DISABLE).
    public var disabledFeatures = ""
    /// Every step inside process 1 becomes a span.
    public var showsEveryStep = false
    /// Programs get the context of their own span in `TRACEPARENT`, in place of the orchestrator's.
    public var passesProcessSpan = false

    /// Settings with defaults.
    public init(workDirectory: String, initPath: String) {
        self.workDirectory = workDirectory
        self.initPath = initPath
    }
}
