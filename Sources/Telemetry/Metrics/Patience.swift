internal import Kernel
internal import Synchronization

/// How long something may be waited for: as long as it takes, until the end of the process cuts it short.
public final class Patience: Sendable {
    private let wake: EventCounter
    private let sleeping: Epoll
    private let end = Atomic<UInt64>(.max)

    /// Without an end.
    init() throws(KernelError) {
        let wake = try EventCounter()
        let sleeping = try Epoll()
        try sleeping.add(wake.descriptor, .readable, token: 0)
        self.wake = wake
        self.sleeping = sleeping
    }

    /// When everything gives up, in nanoseconds of CLOCK_BOOTTIME; nil until that is known.
    public var endsAt: UInt64? {
        let end = end.load(ordering: .acquiring)
        return end == .max ? nil : end
    }

    /// Ends all waiting, and says when everything else is to be over.
    func end(at instant: UInt64) {
        end.store(instant, ordering: .releasing)
        wake.signal()
    }

    /// Waits until an instant (CLOCK_BOOTTIME, nanoseconds). One thread does at a time.
    /// - Returns: false, at once, when the end has been told
    public func sleep(until instant: UInt64) -> Bool {
        while endsAt == nil {
            let now = bootTime()
            if now >= instant { return true }
            // Rounded up, so that it is not found a bit too early again and again.
            let milliseconds = Int32(clamping: (instant - now) / Self.nanoseconds + 1)
            do { try sleeping.wait(milliseconds: milliseconds) { _, _ in } } catch {
                // The set and its one member live as long as we do; nothing but a mistake of ours gets here.
                preconditionFailure("patience: \(error)")
            }
        }
        return false
    }

    /// In a millisecond.
    private static let nanoseconds: UInt64 = 1_000_000
}
