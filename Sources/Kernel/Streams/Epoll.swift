internal import CKernel
internal import Glibc

/// A set of descriptors that one thread waits for (epoll(7)).
public struct Epoll: ~Copyable, Sendable {
    /// The most events taken from the kernel at once; more stay there for the next call.
    private static let eventsMax = 256

    private let descriptor: Descriptor

    /// Makes an empty set (epoll_create1(2)).
    public init() throws(KernelError) {
        descriptor = Descriptor(owning: try invoke("epoll_create1") { apron_epoll_create() })
    }

    /// Adds a descriptor; `token` comes back with its events.
    ///
    /// The kernel's entry belongs to the open file, not to the number: when another process holds a duplicate, closing
    /// ours does not remove it. So ``remove(_:)`` before closing.
    /// - Throws: EEXIST when this number is in the set, EPERM when its kind cannot be waited for, such as a file.
    public borrowing func add(_ watched: SharedDescriptor, _ events: PollEvents, token: UInt64) throws(KernelError) {
        try change(EPOLL_CTL_ADD, watched, events, token)
    }

    /// Removes a descriptor.
    /// - Throws: ENOENT when it is not in the set.
    public borrowing func remove(_ watched: SharedDescriptor) throws(KernelError) {
        try change(EPOLL_CTL_DEL, watched, [], 0)
    }

    /// Waits up to `milliseconds` (-1: without end, 0: not at all) and hands every event to `body`.
    public borrowing func wait(
        milliseconds: Int32, _ body: (_ token: UInt64, _ events: PollEvents) -> Void
    ) throws(KernelError) {
        let epoll = descriptor.number
        // Safe: the kernel fills the first `count` entries of a buffer that lives for the whole closure.
        let outcome = unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsMax) { buffer in
            let outcome = Result { () throws(KernelError) -> Int32 in
                try invoke("epoll_wait") {
                    unsafe epoll_wait(epoll, buffer.baseAddress, Int32(Self.eventsMax), milliseconds)
                }
            }
            guard case .success(let count) = outcome else { return outcome }
            for index in 0..<Int(count) {
                let event = unsafe buffer[index]
                let token = unsafe event.data.u64
                body(token, PollEvents(rawValue: unsafe event.events))
            }
            return outcome
        }
        _ = try outcome.get()
    }

    private borrowing func change(
        _ operation: Int32, _ watched: SharedDescriptor, _ events: PollEvents, _ token: UInt64
    ) throws(KernelError) {
        let epoll = descriptor.number
        try invoke("epoll_ctl", "descriptor \(watched.number)") {
            apron_epoll_change(epoll, operation, watched.number, events.rawValue, token)
        }
    }
}

extension ErrorNumber {
    /// ESHUTDOWN: cannot send after the endpoint was shut down.
    public static let shutDown = ErrorNumber(rawValue: ESHUTDOWN)
    /// ECANCELED: operation canceled.
    public static let canceled = ErrorNumber(rawValue: ECANCELED)
}
