public import Kernel
internal import Synchronization

/// Directory trees that are to be deleted: moved to `dead/` in one step, deleted by a thread of its own.
///
/// Deleting is slow where the disk discards freed blocks at once (13 ms for one empty work directory was seen), so no
/// caller waits for it. What is in `dead/` when the process ends is deleted by the next one, from where it stopped.
public final class Graveyard: Sendable {
    /// How long the thread waits for more, in milliseconds: many small containers one after the other would otherwise
    /// start one each.
    private static let patience = 1000

    private struct State {
        /// There is a thread.
        var hasThread = false
        /// Set while it deletes or is about to: then this object stays, whoever else lets go of it.
        var digging: Graveyard?
        /// What could not be deleted; left for ``retry()`` and for the next start.
        var failed: Set<String> = []
    }

    private let dead: Directory
    private let state = Mutex(State())
    private let wake = Semaphore()
    private let counter = Atomic<UInt64>(0)

    /// Goes on deleting what a former process left in `dead/` of the directory.
    public init(_ storage: Directory) throws(KernelError) {
        dead = try storage.makeIfMissing("dead", mode: 0o700)
        if try !dead.isEmpty() { try dig() }
    }

    /// Moves an entry of `directory` to the dead and has it deleted.
    /// - Throws: ENOENT when there is no such entry
    public func bury(_ name: String, from directory: Directory) throws(KernelError) {
        let count = counter.add(1, ordering: .relaxed).newValue
        try directory.rename(name, to: dead, "\(realTime())-\(count)", noReplace: true)
        // What is buried is dead; without a thread now, the next burial or start has it deleted.
        try? dig()
    }

    /// Tries once more to delete what could not be deleted.
    public func retry() throws(KernelError) {
        state.withLock { $0.failed = [] }
        if try !dead.isEmpty() { try dig() }
    }

    /// Returns when nothing more is being deleted.
    public func waitUntilEmpty() {
        while state.withLock({ $0.digging != nil }) { CallingThread.pause(microseconds: 1000) }
    }

    /// Wakes the thread, or starts it.
    private func dig() throws(KernelError) {
        let (isNeeded, hasThread) = state.withLock { state in
            defer { (state.hasThread, state.digging) = (true, self) }
            return (state.digging == nil, state.hasThread)
        }
        if !isNeeded { return }
        if hasThread { return wake.signal() }
        do throws(KernelError) {
            // It ends when nothing more comes, or with the last owner.
            try startThread(named: "apron-delete") { [weak self, wake] in
                CallingThread.yieldToOthers()
                repeat { self?.deleteAll() } while Graveyard.waitForMore(wake) { self }
            }
        } catch {
            state.withLock { ($0.hasThread, $0.digging) = (false, nil) }
            throw error
        }
    }

    /// Whether there is something to delete again.
    private static func waitForMore(_ wake: Semaphore, _ owner: () -> Graveyard?) -> Bool {
        if wake.wait(milliseconds: patience) { return true }
        return owner()?.state.withLock { state in
            // Somebody has signalled since the time was over.
            if state.digging != nil { return true }
            state.hasThread = false
            return false
        } ?? false
    }

    private func deleteAll() {
        while true {
            for name in remaining(state.withLock { $0.failed }) {
                do throws(KernelError) { try dead.removeTree(name) } catch {
                    state.withLock { _ = $0.failed.insert(name) }
                }
            }
            // Whoever buries something after this look finds that nobody digs and wakes the thread.
            let isDone = state.withLock { state in
                let isDone = remaining(state.failed).isEmpty
                if isDone { state.digging = nil }
                return isDone
            }
            if isDone { return }
        }
    }

    private func remaining(_ failed: Set<String>) -> [String] {
        ((try? dead.entries()) ?? []).filter { !failed.contains($0) }
    }
}
