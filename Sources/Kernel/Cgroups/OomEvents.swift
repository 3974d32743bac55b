internal import CKernel
internal import Glibc

/// A descriptor that polls ready when the OOM killer has been at work in a group.
///
/// Wait for ``interest`` with poll(2) or epoll(7), then call ``acknowledge()`` and compare the group's count of kills.
/// It may also report without a new kill, and reports once more when the group is removed.
public struct OomEvents: ~Copyable, Sendable {
    /// What to poll for.
    public enum Interest: Sendable {
        /// POLLIN: an eventfd of v1 (`cgroup.event_control`).
        case readable
        /// POLLPRI: the file `memory.events` of v2, whose change the kernel announces so.
        case priority

        /// The bits for poll(2).
        public var pollEvents: Int16 { Int16(self == .readable ? POLLIN : POLLPRI) }
        /// The bits for epoll(7).
        public var epollEvents: UInt32 { UInt32(pollEvents) }
    }

    /// What to poll for.
    public let interest: Interest
    private let descriptor: Descriptor

    /// The descriptor's number, to be polled.
    public var number: Int32 { descriptor.number }

    /// Registers an eventfd for the OOM events of a v1 memory group (cgroup-v1/memory.rst section 9).
    public init(legacy directory: CgroupDirectory, group: String) throws(KernelError) {
        let control = try directory.openFile("\(group)/memory.oom_control", writable: false)
        let event = Descriptor(owning: try invoke("eventfd") { apron_eventfd() })
        // The kernel keeps its own references; the control file may be closed after the registration.
        try directory.write("\(event.number) \(control.number)", to: "\(group)/cgroup.event_control")
        interest = .readable
        descriptor = event
    }

    /// Opens `memory.events` of a v2 group (cgroup-v2.rst, Memory).
    public init(unified directory: CgroupDirectory, group: String) throws(KernelError) {
        let file = "\(group)/memory.events"
        let events = try directory.openFile(file, writable: false)
        // The first read sets the point from which changes are announced.
        _ = try CgroupDirectory.read(events, directory.subject(file))
        interest = .priority
        descriptor = events
    }

    /// Makes the descriptor quiet until the next event.
    public borrowing func acknowledge() throws(KernelError) {
        let number = descriptor.number
        switch interest {
        case .readable:
            var count: UInt64 = 0
            // Safe: the eventfd writes exactly eight bytes. EAGAIN means that somebody else has acknowledged.
            _ = try invokeNonBlocking("read", "eventfd") { unsafe Glibc.read(number, &count, 8) }
        case .priority:
            // ENODEV: the group has been removed, after which nothing more is announced.
            do { _ = try CgroupDirectory.read(descriptor, "memory.events") } catch {
                if error.errno != .noDevice { throw error }
            }
        }
    }

    /// Waits for an event; false when the time is over first.
    public borrowing func wait(milliseconds: Int32) throws(KernelError) -> Bool {
        var entry = pollfd(fd: descriptor.number, events: interest.pollEvents, revents: 0)
        // Safe: one entry, alive for the call.
        return try invoke("poll") { unsafe poll(&entry, 1, milliseconds) } > 0
    }
}
