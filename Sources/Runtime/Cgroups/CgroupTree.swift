internal import Kernel

/// A controller that Apron uses; the raw value is the kernel's name (cgroups(7)).
public enum CgroupController: String, CaseIterable, Sendable {
    case cpu
    /// CPU time of a group; v1 only, part of every v2 group.
    case cpuacct
    /// v1 only; v2 has BPF programs.
    case devices
    /// v2 only here: on v1 the figures are not worth a directory for each container.
    case io
    case memory
    case pids
}

/// One mounted v1 hierarchy: its controllers and the directories in it.
struct CgroupTree: Sendable {
    /// The controllers in use; hosts mount `cpu` and `cpuacct` together or apart.
    let controllers: Set<CgroupController>
    /// The directory in which each container has its own.
    let groups: CgroupDirectory
    /// The daemon's own group, to which its threads return.
    let home: CgroupTasks
}

/// The cgroup v2 side of a host.
struct CgroupUnified: Sendable {
    /// Those that containers' groups have; none on hybrid hosts.
    let controllers: Set<CgroupController>
    /// The directory in which each container has its own.
    let groups: CgroupDirectory
    /// Whether groups have `cgroup.kill` (Linux 5.14).
    let canKill: Bool

    /// The group of process 1 in a container's group.
    static let first = "init"
    /// The group of a container's programs in a container's group.
    static let payload = "payload"
}
