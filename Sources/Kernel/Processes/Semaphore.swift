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

    /// Takes one; blocks the thread until there is one.
    public func wait() {
        while unsafe sem_wait(semaphore) < 0 {}
    }
}
