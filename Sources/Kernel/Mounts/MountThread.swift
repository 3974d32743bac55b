internal import CKernel
internal import Glibc
internal import Synchronization

/// A thread that lives in another mount namespace and carries out what is given to it, one piece after the other.
///
/// A mount may be copied, attached and unmounted only by who is in its namespace (mount_namespaces(7)); the descriptors
/// that come out of it work everywhere. The thread has a root and a working directory of its own and ends with this
/// object.
public final class MountThread: Sendable {
    /// Its id; `/proc/<id>` is its entry in procfs.
    public let id: Int32

    private let queue: Queue

    /// Starts a thread in a new namespace that has nothing but a copy of this directory's mount as its root.
    /// - Throws: EPERM without CAP_SYS_ADMIN; EINVAL when this process's own root is no mount (pivot_root(2))
    public convenience init(root: Directory) throws(KernelError) {
        let tree = SharedDescriptor(try MountTree.clone(root).release())
        let path = root.path
        try self.init { () throws(KernelError) in
            try MountThread.becomeYounger()
            // Before anything is unmounted here, or it is unmounted on the host as well.
            try MountPoint("/").setPropagation(.private, recursive: true)
            try tree.with { (tree) throws(KernelError) in try MountThread.becomeRoot(tree, path) }
        }
    }

    /// Starts a thread in an existing namespace; its root and its working directory are that of the namespace.
    /// - Parameter namespace: such as an open `/proc/<pid>/ns/mnt`
    /// - Throws: EINVAL when it is no mount namespace; EPERM without CAP_SYS_ADMIN in its user namespace
    public convenience init(entering namespace: borrowing Descriptor) throws(KernelError) {
        // The caller holds the namespace until the thread is in it.
        let number = namespace.number
        try self.init { () throws(KernelError) in
            try invoke("unshare", "CLONE_FS") { apron_unshare_directories() }
            try invoke("setns", "mount namespace") { apron_enter_mounts(number) }
        }
    }

    private init(_ enter: @escaping @Sendable () throws(KernelError) -> Void) throws(KernelError) {
        let queue = Queue()
        try startThread(named: "apron-mounts") { queue.serve() }
        do throws(KernelError) {
            id = try queue.run { () throws(KernelError) in
                try enter()
                return apron_thread_id()
            }
        } catch {
            queue.end()
            throw error
        }
        self.queue = queue
    }

    deinit { queue.end() }

    /// Runs `body` on the thread and waits for it. Relative paths start at the namespace's root.
    public func run<Value: ~Copyable & Sendable>(
        _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        try queue.run(body)
    }

    /// The namespace, held open.
    public func namespace() throws(KernelError) -> Descriptor { try KernelFile.open("/proc/self/task/\(id)/ns/mnt") }

    /// The mounts of the namespace; points are paths from its root.
    public func mounts() throws(KernelError) -> MountTable { try MountTable(pid: id) }

    /// Gives the calling thread a copy of its mount namespace that can be mounted on a file where the process is.
    ///
    /// The kernel does that only with a namespace of a higher number than the caller's own, as it cannot be the younger
    /// of the two otherwise. Linux 6.18 hands out the numbers of all namespaces in batches, one for each processor
    /// (kernel/nstree.c, linux/cookie.h), so that one which is made later on another processor may have a lower number;
    /// that happens to a daemon in a mount namespace of its own, as services and containers have. Whoever uses up the
    /// batch, with the cheapest of all namespaces, gets the next one, which is above all others.
    private static func becomeYounger() throws(KernelError) {
        let own = try number("/proc/self/ns/mnt")
        for _ in 0..<attemptsMax {
            try invoke("unshare", "CLONE_NEWNS") { apron_unshare_mounts() }
            guard let own, let new = try number("/proc/thread-self/ns/mnt"), new <= own else { return }
            for _ in 0..<batchSize { try invoke("unshare", "CLONE_NEWUTS") { apron_unshare_host_name() } }
        }
    }

    /// COOKIE_LOCAL_BATCH of linux/cookie.h.
    private static let batchSize = 4096
    /// The thread may come to another processor between two calls, and others may use up its batch.
    private static let attemptsMax = 8

    /// The number of the namespace at this path of procfs; nil before Linux 6.11, where it goes by age.
    private static func number(_ path: String) throws(KernelError) -> UInt64? {
        let namespace = try KernelFile.open(path)
        let descriptor = namespace.number
        var number: UInt64 = 0
        do {
            // Safe: the call fills the local number.
            try invoke("ioctl NS_GET_MNTNS_ID", path) { unsafe apron_mount_namespace_number(descriptor, &number) }
            return number
        } catch {
            if error.errno == ErrorNumber(rawValue: ENOTTY) || error.errno == .invalid { return nil }
            throw error
        }
    }

    /// Makes a detached mount the root of the namespace and lets go of everything else in it.
    private static func becomeRoot(_ tree: borrowing Descriptor, _ path: String) throws(KernelError) {
        let number = tree.number
        let (here, top) = (".", "/")
        let root = try openResolving(workingDirectory, top, [.path, .directory], mode: 0, [], top)
        try MountTree.move(number, to: root.number, "\(path) on \(top)")
        try invoke("fchdir", path) { fchdir(number) }
        // The old root ends up on top of the new one, where it can be named without a directory for it.
        // Safe: the paths are constants.
        try invoke("pivot_root", path) { unsafe apron_pivot_root(here, here) }
        try MountPoint(here).unmount(detach: true)
        // Safe: as above.
        try invoke("chdir", top) { unsafe chdir(top) }
    }
}

/// Work for the thread.
private final class Queue: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isEnded = false
    }

    private let state = Mutex(State())
    private let wakeups = Semaphore()

    func run<Value: ~Copyable & Sendable>(
        _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let outcome = Outcome<Value>()
        state.withLock { $0.jobs.append { outcome.settle(body) } }
        wakeups.signal()
        return try outcome.wait()
    }

    func end() {
        state.withLock { $0.isEnded = true }
        wakeups.signal()
    }

    func serve() {
        while true {
            wakeups.wait()
            let (job, isEnded) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isEnded)
            }
            if let job { job() } else if isEnded { return }
        }
    }
}

/// What became of one piece of work.
private final class Outcome<Value: ~Copyable & Sendable>: Sendable {
    private let result = Mutex<Result<Value, KernelError>?>(nil)
    private let done = Semaphore()

    /// Runs under the lock, which nobody else asks for before the signal.
    func settle(_ body: () throws(KernelError) -> Value) {
        result.withLock { slot in
            do throws(KernelError) { slot = .success(try body()) } catch { slot = .failure(error) }
        }
        done.signal()
    }

    func wait() throws(KernelError) -> Value {
        done.wait()
        guard let settled = result.withLock({ $0.take() }) else { preconditionFailure("an outcome is taken once") }
        return try settled.get()
    }
}
