public import Telemetry

/// What an operator sees of a worker at one moment. To look changes nothing: no idle time begins anew.
public struct WorkerOverview: Sendable, Hashable {
    /// The containers, in the order of their handles.
    public var containers: [ContainerSummary]
    /// The volumes, in the order of their handles.
    public var volumes: [VolumeSummary]

    /// What there is.
    public init(containers: [ContainerSummary] = [], volumes: [VolumeSummary] = []) {
        self.containers = containers
        self.volumes = volumes
    }
}

/// A container in one line.
public struct ContainerSummary: Sendable, Hashable {
    /// Its id.
    public var handle: String
    /// `active`, `stopped`, or `dead` when process 1 is gone.
    public var state = "active"
    /// When it was made, in nanoseconds since the epoch.
    public var created: UInt64
    /// Its address on the bridge, if it has one.
    public var address: String?
    /// Whether it has no user namespace and all capabilities.
    public var isPrivileged = false
    /// What happened, such as `oom`.
    public var events: [String] = []
    /// The programs that were started in it and are remembered, in the order of their starts.
    public var processes: [ProcessSummary] = []
    /// The most memory that it may use, bytes; nil: as much as there is.
    public var memoryLimit: UInt64?
    /// What it used when that was read last; nil: nobody has looked yet.
    public var use: ContainerUse?
    /// The trace in which it was made.
    public var traceID: TraceID?

    /// A container without anything in it.
    public init(handle: String, created: UInt64) {
        self.handle = handle
        self.created = created
    }
}

/// What a container uses now; nil where the host does not count it.
public struct ContainerUse: Sendable, Hashable {
    /// Processors' worth of CPU time since the reading before, such as 0.5.
    public var processors: Double?
    /// CPU time since its creation, nanoseconds.
    public var cpuNanoseconds: UInt64?
    /// Memory in use, bytes.
    public var memoryBytes: UInt64?
    /// Processes and threads.
    public var tasks: UInt64?
    /// Processes that were killed for want of memory.
    public var oomKills: UInt64?

    /// Nothing known.
    public init() {}
}

/// A program in one line.
public struct ProcessSummary: Sendable, Hashable {
    /// Unique in the container.
    public var id: String
    /// The program and its arguments, cut to what a line has room for.
    public var command: String
    /// When it was started, in nanoseconds since the epoch.
    public var started: UInt64
    /// Whether it runs.
    public var isRunning: Bool
    /// How it ended: the exit code, or 128 + signal; nil while it runs, or when nobody knows.
    public var exitCode: Int32?
    /// The trace that it belongs to.
    public var traceID: TraceID?

    /// Describes a program.
    public init(id: String, command: String, started: UInt64, isRunning: Bool = true) {
        self.id = id
        self.command = command
        self.started = started
        self.isRunning = isRunning
    }
}

/// A volume in one line.
public struct VolumeSummary: Sendable, Hashable {
    /// Its id.
    public var handle: String
    /// How it was made: `empty`, `cow` or `import`.
    public var strategy: String
    /// The volume that it was copied from, which may be gone.
    public var parent: String?
    /// When it was made, in nanoseconds since the epoch.
    public var created: UInt64
    /// Whether it is for containers without a user namespace.
    public var isPrivileged = false
    /// Layers that it is made of.
    public var layers = 0
    /// Volumes that were copied from it.
    public var children = 0
    /// Containers that use it.
    public var containers: [String] = []
    /// The trace in which it was made.
    public var traceID: TraceID?

    /// Describes a volume.
    public init(handle: String, strategy: String, created: UInt64) {
        self.handle = handle
        self.strategy = strategy
        self.created = created
    }
}
