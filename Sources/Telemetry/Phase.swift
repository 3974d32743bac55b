/// Every step of the worker's work that is timed, named once: the raw value is the name of its span.
///
/// Spans, error context, fault injection, rollback and the span catalogue all come from this list.
public enum Phase: String, CaseIterable, Sendable, Codable {
    /// All work of creating one container, from the decoded request to the committed state.
    case containerCreate = "container.create"
    /// Waiting for a place among the containers that may be created at the same time.
    case admission = "admission"
    /// Making the root filesystem ready: image resolved, layers composed, mounts built but not yet attached.
    case rootfsPrepare = "rootfs.prepare"
    /// Making the container's cgroups and writing their limits.
    case cgroupCreate = "cgroup.create"

    /// Connecting the container to the network; the steps below are its children.
    case networkCreate = "network.create"
    /// Making a network namespace, or taking one from the pool.
    case netns = "netns"
    /// Making the virtual Ethernet pair with its peer inside the container.
    case veth = "veth"
    /// Choosing an address and assigning it.
    case address = "address"
    /// Setting the routes inside the container.
    case routes = "routes"
    /// Writing the packet filter and address translation rules.
    case nat = "nat"

    /// Starting process 1 and waiting until it has set the container up; the child groups are its children.
    case containerLaunch = "container.launch"
    /// Making process 1: clone3(2) with its namespaces up to its exec, its ids mapped, the connection to it.
    case childStart = "child.start"
    /// The child waits for its plan: until its network exists, and what is to be mounted is collected.
    case childWait = "child.wait"
    /// The child attaches the mounts.
    case childMounts = "child.mounts"
    /// The child makes the new root its own (pivot_root(2)) and lets go of the old one.
    case childRoot = "child.root"
    /// The child takes on its identity: host name, resource limits, user and group ids, capabilities.
    case childIdentity = "child.identity"
    /// The child loads its system call filter.
    case childSeccomp = "child.seccomp"
    /// From the child's last step to the moment at which its exec is seen.
    case childExec = "child.exec"
    /// Publishing the container's directory under its final name.
    case stateCommit = "state.commit"

    /// Starting a program in a container, up to its exec.
    case processSpawn = "process.spawn"
    /// The life of a program in a container, from exec to exit.
    case process = "process"
    /// A client's connection to the streams of a process that runs already.
    case processAttach = "process.attach"

    /// Stopping the processes of a container without removing it.
    case containerStop = "container.stop"
    /// Removing a container and everything that belongs to it.
    case containerDestroy = "container.destroy"
    /// Sending the signals that end the container's processes.
    case kill = "kill"
    /// Waiting for killed processes to be gone.
    case wait = "wait"
    /// Detaching the container's mounts.
    case unmount = "unmount"
    /// Giving back the container's address, links and rules.
    case networkDelete = "network.delete"
    /// Removing the container's cgroups.
    case cgroupRemove = "cgroup.remove"
    /// Removing the container's directory.
    case stateRemove = "state.remove"

    /// The start of the worker until it accepts connections.
    case workerStart = "worker.start"
    /// Finding and adopting, finishing or undoing what an earlier worker left on disk and in the kernel.
    case workerRecover = "worker.recover"

    /// All work of making one volume, from the decoded request to its publication.
    case volumeCreate = "volume.create"
    /// Filling a new volume from a directory or an archive of the host.
    case volumeImport = "volume.import"
    /// Making a volume's topmost layer unchangeable, so that others can build on it.
    case volumeSeal = "volume.seal"
    /// Giving all files of a volume another owner.
    case volumeOwners = "namespace"
    /// Mounting the layers of a volume as one.
    case overlayMount = "overlay.mount"
    /// Handing a volume to a container.
    case volumeMount = "volume.mount"
    /// Unpacking an archive into a volume; its two sides are its children.
    case volumeStreamIn = "volume.stream_in"
    /// Undoing the archive's compression.
    case decompress = "decompress"
    /// Writing the archive's entries to the volume.
    case untar = "untar"
    /// Packing files of a volume into an archive; its two sides are its children.
    case volumeStreamOut = "volume.stream_out"
    /// Reading the volume's files as an archive.
    case tar = "tar"
    /// Compressing the archive.
    case compress = "compress"
    /// Sending files of a volume to another worker.
    case volumeP2P = "volume.p2p"
    /// Changing for whom a volume is: containers with a user namespace, or without.
    case volumePrivilege = "volume.privilege"
    /// Removing a volume.
    case volumeDestroy = "volume.destroy"

    /// One `apron run`, from the parsed request to the exit code.
    case commandRun = "apron.run"

    /// One request of a client; its span is renamed to `METHOD /route`.
    case httpServer = "http.server"
}

extension Phase {
    /// What a phase belongs to; one heading of the span catalogue.
    public enum Group: String, CaseIterable, Sendable {
        /// Creation of a container.
        case create
        /// Steps of ``Phase/networkCreate``.
        case network
        /// Steps that the child carries out itself, reported by it and recorded afterwards.
        case child
        /// Programs in containers.
        case process
        /// Stopping and removing.
        case remove
        /// Volumes.
        case volume
        /// The worker's own life.
        case worker
        /// Requests.
        case request
    }

    /// The heading under which the phase is found.
    public var group: Group {
        switch self {
        case .containerCreate, .admission, .rootfsPrepare, .cgroupCreate, .networkCreate, .containerLaunch,
            .childStart, .stateCommit:
            .create
        case .netns, .veth, .address, .routes, .nat: .network
        case .childWait, .childMounts, .childRoot, .childIdentity, .childSeccomp, .childExec: .child
        case .processSpawn, .process, .processAttach: .process
        case .containerStop, .containerDestroy, .kill, .wait, .unmount, .networkDelete, .cgroupRemove, .stateRemove:
            .remove
        case .volumeCreate, .volumeImport, .volumeSeal, .volumeOwners, .overlayMount, .volumeMount, .volumeStreamIn,
            .decompress, .untar, .volumeStreamOut, .tar, .compress, .volumeP2P, .volumePrivilege, .volumeDestroy:
            .volume
        case .workerStart, .workerRecover: .worker
        case .httpServer, .commandRun: .request
        }
    }

    /// Whether the phase is a group of steps inside the child: back-dated from its records, never opened by the worker.
    public var isChildGroup: Bool { group == .child }

    /// The span kind that a span of this phase has unless told otherwise.
    public var kind: RecordedSpan.Kind { self == .httpServer ? .server : .internal }
}
