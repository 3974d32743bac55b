internal import CKernel
internal import Glibc

/// Counts wake-ups for threads that wait (sem_overview(7)).
@safe final class Semaphore: Sendable {
    // Safe: allocated once, initialised before it is shared, freed by the last owner; sem_t is made for sharing.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = UnsafeMutablePointer.allocate(capacity: 1)
        _ = unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        _ = unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func signal() { _ = unsafe sem_post(semaphore) }

    func wait() {
        while unsafe sem_wait(semaphore) < 0 {}
    }
}
