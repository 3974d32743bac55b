/// What a container sees of files and namespaces: composes the plan that process 1 carries out.
///
/// Pure: descriptors are numbers of mounts that the daemon has made already and keeps open until the reply.
public struct ContainerLayout: Sendable {
    /// A mount made by the daemon.
    public struct Mount: Sendable, Hashable {
        /// The detached mount.
        public var descriptor: Int32
        /// Absolute path in the container.
        public var target: String
        /// A file is mounted on a file.
        public var isFile: Bool

        /// Describes a mount.
        public init(descriptor: Int32, target: String, isFile: Bool) {
            self.descriptor = descriptor
            self.target = target
            self.isFile = isFile
        }
    }

    /// How cgroups are shown inside.
    public enum CgroupView: Sendable {
        case none
        /// Its own groups only: read-only copies of their directories' mounts, on /sys/fs/cgroup (v2) or below it by the
        /// names of their controllers (v1).
        case own([(name: String?, descriptor: Int32)])
        /// cgroup v2 on /sys/fs/cgroup.
        case unified
        /// These v1 hierarchies (comma-joined controllers, as mounted on the host) below /sys/fs/cgroup.
        case hierarchies([String])
    }

    /// Lives in a user namespace of its own.
    public var isUnprivileged = true
    /// The root's mount.
    public var root: Int32
    /// The mount for /dev.
    public var deviceTree: Int32
    /// In the order of the request.
    public var mounts: [Mount] = []
    /// At most 64 bytes (sethostname(2)).
    public var hostName = ""
    /// rtnetlink messages for the container's network namespace, in order.
    public var network: [[UInt8]] = []
    /// Hidden paths.
    public var masks: [String] = []
    /// Paths made read-only.
    public var readOnly: [String] = []
    /// /sys and the cgroups can be written to.
    public var kernelFilesWritable = false
    /// cgroup v2 directory that programs are born in.
    public var payloadCgroup: Int32?
    /// How cgroups are shown.
    public var cgroups = CgroupView.none

    /// A layout with a root and a /dev.
    public init(root: Int32, deviceTree: Int32) {
        self.root = root
        self.deviceTree = deviceTree
    }

    /// The plan. Its order is the point: what a later step relies on comes first, and nothing of the request is mounted
    /// before the standard mounts or after the masks.
    public func plan() -> LaunchPlan {
        var plan = LaunchPlan()
        if let payloadCgroup { plan.operations.append(.payloadCgroup(descriptor: payloadCgroup)) }
        if isUnprivileged {
            // Before anything is made: files belong to whoever makes them.
            plan.operations.append(.becomeRoot)
        }
        plan.operations.append(.privateMounts)
        plan.operations.append(.attachRoot(descriptor: root))
        plan.operations += standardMounts
        plan.operations += mounts.map {
            .attach(descriptor: $0.descriptor, target: $0.target, isFile: $0.isFile, isDeviceTree: false)
        }
        plan.operations += masks.map { .mask($0) }
        plan.operations += readOnly.map { .readOnly($0) }
        // procfs and sysfs can be mounted in a user namespace only while the host's are in sight (mount_namespaces(7)).
        plan.operations.append(.pivot)
        if !hostName.isEmpty { plan.operations.append(.hostName(hostName)) }
        plan.operations += network.map { .netlink($0) }
        return plan
    }

    private var standardMounts: [LaunchPlan.Operation] {
        let sysfs = kernelFilesWritable ? MountBits.closed : MountBits.closed | MountBits.readOnly
        var operations: [LaunchPlan.Operation] = [
            .attach(descriptor: deviceTree, target: "/dev", isFile: false, isDeviceTree: true),
            .fileSystem(.init("proc", on: "/proc", attributes: MountBits.closed)),
            .fileSystem(
                .init(
                    "devpts", options: ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"], on: "/dev/pts",
                    attributes: MountBits.noSetuid | MountBits.noExec, allocatesTerminals: true)),
            .fileSystem(.init("tmpfs", options: ["mode=1777"], on: "/dev/shm", attributes: MountBits.closed)),
            .fileSystem(.init("mqueue", on: "/dev/mqueue", attributes: MountBits.closed, isOptional: true)),
            .fileSystem(.init("sysfs", on: "/sys", attributes: sysfs)),
        ]
        switch cgroups {
        case .none: break
        case .own(let views):
            if views.contains(where: { $0.name != nil }) { operations.append(cgroupDirectory) }
            operations += views.map { view in
                .attach(
                    descriptor: view.descriptor, target: "/sys/fs/cgroup" + (view.name.map { "/\($0)" } ?? ""),
                    isFile: false, isDeviceTree: false)
            }
        case .unified:
            operations.append(
                .fileSystem(.init("cgroup2", on: "/sys/fs/cgroup", attributes: sysfs, isOptional: true)))
        case .hierarchies(let hierarchies):
            operations.append(cgroupDirectory)
            operations += hierarchies.map {
                .fileSystem(
                    .init(
                        "cgroup", options: $0.split(separator: ",").map(String.init), on: "/sys/fs/cgroup/\($0)",
                        attributes: sysfs, isOptional: true))
            }
        }
        return operations
    }

    private var cgroupDirectory: LaunchPlan.Operation {
        .fileSystem(.init("tmpfs", options: ["mode=0755"], on: "/sys/fs/cgroup", attributes: MountBits.closed))
    }
}

/// MOUNT_ATTR_* of fsmount(2).
private enum MountBits {
    static let readOnly: UInt32 = 0x1
    static let noSetuid: UInt32 = 0x2
    static let noDevices: UInt32 = 0x4
    static let noExec: UInt32 = 0x8
    static let closed = noSetuid | noDevices | noExec
}
