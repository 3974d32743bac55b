internal import CKernel
internal import Glibc

/// Counts wake-ups for threads that wait (sem_overview(7)).
@safe public final class Semaphore: Sendable {
    // Safe: allocated once, initialised before it is shared, freed by the last owner; sem_t is made for sharing.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    /// Makes one with a count of nought.
    public init() {
        unsafe semaphore = UnsafeMutablePointer.allocate(capacity: 1)
        _ = unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        _ = unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    /// Adds one, which lets one thread on.
    public func signal() { _ = unsafe sem_post(semaphore) }

    /// Takes one; blocks the thread until there is one, or for so long: false then. A change of the host's clock makes
    /// it longer or shorter.
    public func wait(milliseconds: Int) -> Bool {
        var until = timespec()
        // Safe: the call fills `until`.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &until)
        until.tv_nsec += milliseconds % 1000 * 1_000_000
        until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1_000_000_000
        until.tv_nsec %= 1_000_000_000
        while true {
            // Safe: `until` lives for the call.
            if unsafe sem_timedwait(semaphore, &until) == 0 { return true }
            if errno != EINTR { return false }
        }
    }

    /// Takes one; blocks the thread until there is one.
    public func wait() {
        while unsafe sem_wait(semaphore) < 0 {}
    }
}
