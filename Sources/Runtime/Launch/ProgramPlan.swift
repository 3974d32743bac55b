internal import InitProtocol

/// A program to start in a living container, with everything resolved: process 1's child only carries it out.
public struct ProgramPlan: Sendable {
    /// A resource limit by its number (getrlimit(2)); soft and hard alike.
    public struct ResourceLimit: Sendable, Hashable {
        /// RLIMIT_* of the kernel.
        public var resource: UInt32
        /// In the limit's own unit; UInt64.max is no limit.
        public var value: UInt64

        /// A limit.
        public init(resource: UInt32, value: UInt64) {
            self.resource = resource
            self.value = value
        }
    }

    /// Paths to execute, tried in order.
    public var candidates: [String] = []
    /// argv, the program's name first.
    public var arguments: [String] = []
    /// `K=V`, each name once.
    public var environment: [String] = []
    /// Absolute working directory; made when missing.
    public var directory = "/"
    /// A working directory that is made belongs to the user.
    public var ownsDirectory = true
    /// User id inside the container.
    public var uid: UInt32 = 0
    /// Group id inside the container.
    public var gid: UInt32 = 0
    /// Supplementary groups.
    public var groups: [UInt32] = []
    /// Resource limits.
    public var limits: [ResourceLimit] = []
    /// Capabilities that the program and what it starts can ever have; bit n is capability n.
    public var capabilities: UInt64 = 0
    /// A compiled seccomp filter (struct sock_filter, 8 bytes each); empty: none.
    public var filter: [UInt8] = []
    /// PR_SET_NO_NEW_PRIVS.
    public var noNewPrivileges = false
    /// Gets a cgroup namespace with its own cgroup as the root, so that it sees nothing of the host's.
    public var ownsCgroupNamespace = false
    /// Present: runs on a terminal of this size.
    public var terminal: (columns: UInt16, rows: UInt16)?

    /// An empty program.
    public init() {}

    /// The document for process 1.
    func encoded() -> [UInt8] {
        let headerBytes = 112
        var writer = DocumentWriter(reserving: 16 * 1024)
        writer.reserve(headerBytes)
        let groupsOffset = writer.data(groups.flatMap { bytes(of: $0) })
        let argumentsOffset = writer.array(of: arguments)
        let environmentOffset = writer.array(of: environment)
        let candidatesOffset = writer.array(of: candidates)
        let directoryOffset = writer.text(directory)
        let limitsOffset = writer.data(
            limits.flatMap { bytes(of: UInt64($0.resource)) + bytes(of: $0.value) + bytes(of: $0.value) })
        let filterOffset = writer.data(filter)

        var header = DocumentWriter(reserving: headerBytes)
        header.append(UInt32(APRON_PROGRAM_MAGIC))
        header.append(UInt32(APRON_PROTOCOL_VERSION))
        header.append(writer.offset + 1)
        header.append(flags)
        header.append(uid)
        header.append(gid)
        header.append(groupsOffset)
        header.append(UInt32(groups.count))
        header.append(argumentsOffset)
        header.append(UInt32(arguments.count))
        header.append(environmentOffset)
        header.append(UInt32(environment.count))
        header.append(candidatesOffset)
        header.append(UInt32(candidates.count))
        header.append(directoryOffset)
        header.append(limitsOffset)
        header.append(UInt32(limits.count))
        header.append(filterOffset)
        header.append(UInt32(filter.count / 8))
        header.append(terminal?.columns ?? 0)
        header.append(terminal?.rows ?? 0)
        // Bounding, effective, permitted; nothing is inheritable, so that no file capability can add to them
        // (CVE-2022-24769).
        for set in [capabilities, capabilities, capabilities, 0] { header.append(set) }
        writer.fill(at: 0, with: header)
        return writer.finished()
    }

    private var flags: UInt32 {
        var flags: UInt32 = 0
        if terminal != nil { flags |= APRON_HAS_TERMINAL.rawValue }
        if noNewPrivileges { flags |= APRON_NO_NEW_PRIVILEGES.rawValue }
        if ownsCgroupNamespace { flags |= APRON_OWN_CGROUPS.rawValue }
        if ownsDirectory { flags |= APRON_OWN_DIRECTORY.rawValue }
        return flags
    }

    private func bytes<Value: FixedWidthInteger>(of value: Value) -> [UInt8] {
        var writer = DocumentWriter(reserving: 8)
        writer.append(value)
        return writer.bytes
    }
}
