public import Kernel

extension ContainerCgroup {
    /// Starts the container's first process inside the groups.
    ///
    /// On v2 the process is born in its group by CLONE_INTO_CGROUP (Linux 5.7). v1 has no such thing, and moving a
    /// process costs an RCU grace period, some 10 ms; but a thread that moves *itself* does not wait (Linux 5.5), and
    /// a child inherits its parent thread's groups. So the calling thread joins, clones and goes back.
    ///
    /// While it is there the thread is charged for what the kernel allocates on its behalf, so a limit of a few pages
    /// makes `start` fail with ENOMEM; it should do no more than clone. User memory is charged to the main thread's
    /// group as ever. On the main thread the child is moved after its start instead.
    /// - Parameters:
    ///   - pid: the id of the process that `start` returns
    ///   - start: clones once, on the calling thread; is given the directory for CLONE_INTO_CGROUP, or nil
    public func launch<Launched: ~Copyable>(
        pid: (borrowing Launched) -> Int32,
        _ start: (_ cgroup: Int32?) throws(KernelError) -> Launched
    ) throws(KernelError) -> Launched {
        guard let directory = try launchDirectory() else { return try startInTrees(nil, pid, start) }
        // The clone needs the descriptor beyond the use of its number, until `start` has returned.
        defer { withExtendedLifetime(directory) {} }
        return try startInTrees(directory.number, pid, start)
    }

    /// Moves a process that lives already into the groups, with all its threads; up to 40 ms on v1.
    public func attach(_ process: Int32) throws(KernelError) {
        try unified?.groups.write("\(process)", to: "\(first)/cgroup.procs")
        try attachLegacy(process)
    }

    /// The directory for CLONE_INTO_CGROUP of process 1; nil on v1 alone.
    public func launchDirectory() throws(KernelError) -> Descriptor? {
        guard let unified else { return nil }
        return try unified.groups.open(first)
    }

    /// The directory for CLONE_INTO_CGROUP of the container's programs, for process 1 to keep; nil on v1 alone.
    public func payloadDirectory() throws(KernelError) -> Descriptor? {
        guard let unified else { return nil }
        return try unified.groups.open(payload)
    }

    /// `cgroup.procs` of the payload, open for writing; nil on v1 alone.
    public func payloadProcesses() throws(KernelError) -> Descriptor? {
        guard let unified else { return nil }
        return try unified.groups.openFile("\(payload)/cgroup.procs", writable: true)
    }

    /// What the container may see of its groups: directories of the host, to be bind-mounted on `/sys/fs/cgroup` (v2
    /// alone, one without a name) or beneath it by the name of the controllers. Where they are its cgroup namespace's
    /// roots, programs find themselves in `/`.
    public var views: [(name: String?, path: String)] {
        if trees.isEmpty, let unified { return [(nil, unified.groups.subject(payload))] }
        return trees.map { tree in
            (tree.controllers.map(\.rawValue).sorted().joined(separator: ","), tree.groups.subject(name))
        }
    }

    /// Lets a user of the host clone from process 1's group into `payload`: that takes write permission on
    /// `cgroup.procs` of the target and of the nearest common group (cgroup-v2.rst, Delegation Containment). Nothing to
    /// do on v1.
    ///
    /// The user's cgroup namespace must have both groups in it: where v2 is mounted with `nsdelegate`, as systemd does,
    /// a process 1 in a namespace rooted at `init` gets ENOENT. So programs make their namespaces when they are born.
    public func delegate(toUser user: UInt32) throws(KernelError) {
        guard let unified, user != 0 else { return }
        try unified.groups.changeOwner(of: "\(name)/cgroup.procs", to: user)
        try unified.groups.changeOwner(of: "\(payload)/cgroup.procs", to: user)
    }

    /// A return that fails leaves the daemon's thread under a container's limits, hence the second attempts.
    private static let leaveAttemptsMax = 3

    private func startInTrees<Launched: ~Copyable>(
        _ cgroup: Int32?,
        _ pid: (borrowing Launched) -> Int32,
        _ start: (_ cgroup: Int32?) throws(KernelError) -> Launched
    ) throws(KernelError) -> Launched {
        if trees.isEmpty { return try start(cgroup) }
        let isMain = CallingThread.isMain
        var tasks: [CgroupTasks] = []
        if !isMain { for tree in trees { tasks.append(try CgroupTasks(tree.groups, group: name)) } }
        let launched: Launched
        do {
            for group in tasks { try group.join() }
            launched = try start(cgroup)
        } catch {
            // The first error is the one to tell; a thread that stays shows as EBUSY at removal.
            do { try leave() } catch {}
            throw error
        }
        do {
            if isMain { try attachLegacy(pid(launched)) } else { try leave() }
        } catch {
            // A process outside its limits must not live.
            do { try kill(pid(launched)) } catch {}
            throw error
        }
        return launched
    }

    private func kill(_ process: Int32) throws(KernelError) {
        guard let descriptor = try openProcess(process) else { return }
        try sendSignal(Self.killSignal, to: descriptor)
        if try waitForExit(of: descriptor, milliseconds: Self.exitMillisecondsMax) { try reapChild(descriptor) }
    }

    /// A killed process that has hardly begun is gone at once.
    private static let exitMillisecondsMax: Int32 = 1000

    private func attachLegacy(_ process: Int32) throws(KernelError) {
        for tree in trees { try tree.groups.write("\(process)", to: "\(name)/cgroup.procs") }
    }

    private func leave() throws(KernelError) {
        var failure: KernelError?
        for tree in trees.reversed() {
            for attempt in 1...Self.leaveAttemptsMax {
                do {
                    try tree.home.join()
                    break
                } catch {
                    if attempt == Self.leaveAttemptsMax { failure = failure ?? error }
                }
            }
        }
        if let failure { throw failure }
    }
}
