/// A container as its creator asks for it; the wire format ends here.
public struct ContainerRequest: Sendable, Hashable, Codable {
    /// A bind mount, in the order of the request's list.
    public struct BindMount: Sendable, Hashable, Codable {
        /// Absolute path on the host.
        public var source: String
        /// Absolute path in the container.
        public var destination: String
        /// Whether the container may write.
        public var writable: Bool

        /// Describes a bind mount.
        public init(source: String, destination: String, writable: Bool) {
            self.source = source
            self.destination = destination
            self.writable = writable
        }
    }

    /// Limits; nil means none. Zero has been mapped to nil by the caller where the API defines it so.
    public struct Limits: Sendable, Hashable, Codable {
        /// Hard memory limit in bytes.
        public var memoryBytes: UInt64?
        /// CPU shares on cgroup v1's scale (1024 = one default share).
        public var cpuShares: UInt64?
        /// Processors' worth of CPU time, for instance 1.5; `apron run --cpu`.
        public var cpuQuota: Double?
        /// Most tasks.
        public var pids: UInt64?

        /// No limits.
        public init() {}
    }

    /// The caller's id; nil: the worker invents one.
    public var handle: String?
    /// `raw:///dir`, an absolute image directory, or empty for the default root.
    public var rootfs = ""
    /// Mounts in order.
    public var bindMounts: [BindMount] = []
    /// Free key/value pairs.
    public var properties: [String: String] = [:]
    /// `K=V` environment of every process.
    public var environment: [String] = []
    /// No user namespace, all capabilities.
    public var privileged = false
    /// Limits.
    public var limits = Limits()
    /// False: no way out of the container (hermetic).
    public var network = true
    /// Idle life in nanoseconds; 0 is for ever.
    public var graceTime: UInt64 = 0

    /// An empty request.
    public init() {}
}
