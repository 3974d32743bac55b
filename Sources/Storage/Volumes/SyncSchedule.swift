/// When what was written is to be synchronised: one delay after the last write, and a few after the first at the latest.
/// Times are nanoseconds of one clock that never goes back.
struct SyncSchedule {
    private let delay: UInt64
    /// Whether a thread waits or synchronises.
    private(set) var isRunning = false
    /// Since the last synchronisation began.
    private var isTouched = false
    private(set) var due: UInt64 = 0
    /// However much is written meanwhile, so that what a power cut takes stays bounded.
    private var dueAtLatest: UInt64 = 0

    /// So many delays after the first write at the latest.
    static let delaysMax: UInt64 = 3

    init(delay: UInt64) { self.delay = delay }

    /// Something was written.
    /// - Returns: whether a thread is to be started, since none is running
    mutating func touch(at now: UInt64) -> Bool {
        defer { isRunning = true }
        if !isTouched { dueAtLatest = now + delay * SyncSchedule.delaysMax }
        isTouched = true
        due = min(now + delay, dueAtLatest)
        return !isRunning
    }

    /// Whether it is time; what is written from then on needs another synchronisation.
    mutating func begin(at now: UInt64) -> Bool {
        if now < due { return false }
        isTouched = false
        return true
    }

    /// A synchronisation is over.
    /// - Parameter isWanted: whether there may be another one
    /// - Returns: whether something was written meanwhile, so that the thread has to wait again
    mutating func end(isWanted: Bool) -> Bool {
        isRunning = isWanted && isTouched
        return isRunning
    }

    /// There is no thread; the next write asks for one again.
    mutating func stop() { isRunning = false }
}
