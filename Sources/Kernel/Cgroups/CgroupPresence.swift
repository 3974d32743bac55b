internal import CKernel
internal import Glibc
internal import Synchronization

/// Tells other workers that one is there which has containers in a group; gone with the process, however it ends.
///
/// It is a shared lock on the group's `cgroup.procs` (F_OFD_SETLK of fcntl(2)), which belongs to an open file that no
/// child inherits. Unlike flock(2) it turns into an exclusive one and back without a moment in which there is none.
public final class CgroupPresence: Sendable {
    private let file: Descriptor
    private let path: String
    /// One thread at a time: the lock is the same for all of this process.
    private let turn = Mutex(())

    /// Announces this worker in a group; waits while another is ``whileAlone(_:)`` there.
    public init(in directory: CgroupDirectory) throws(KernelError) {
        let name = "cgroup.procs"
        path = directory.subject(name)
        file = try directory.openForBoth(name)
        let number = file.number
        try invoke("fcntl", path) { apron_lock_shared(number) }
    }

    /// Runs `body` while no other worker is or can be in the group; false, without running it, when there is one.
    public func whileAlone(_ body: () throws(KernelError) -> Void) throws(KernelError) -> Bool {
        let result: Result<Bool, KernelError> = turn.withLock { _ in
            do throws(KernelError) {
                let number = file.number
                let isAlone = try invokeNonBlocking("fcntl", path) { apron_lock_alone(number) } != nil
                guard isAlone else { return .success(false) }
                defer { _ = apron_lock_shared(number) }
                try body()
                return .success(true)
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}
