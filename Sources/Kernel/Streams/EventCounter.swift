internal import CKernel
internal import Glibc

/// Wakes a thread that waits in ``Epoll`` (eventfd(2)).
public final class EventCounter: Sendable {
    /// Readable while there is an unseen signal.
    public let descriptor: SharedDescriptor

    /// Makes a counter of zero.
    public init() throws(KernelError) {
        descriptor = SharedDescriptor(Descriptor(owning: try invoke("eventfd") { apron_eventfd() }))
    }

    /// Makes the counter readable; from any thread.
    public func signal() {
        // EAGAIN means that the counter is at its maximum, hence readable: nothing is lost.
        // Safe: eventfd_write takes no pointer.
        _ = eventfd_write(descriptor.number, 1)
    }

    /// Takes all signals.
    public func drain() {
        var count: eventfd_t = 0
        // Safe: the kernel writes eight bytes into `count`.
        _ = unsafe eventfd_read(descriptor.number, &count)
    }
}
