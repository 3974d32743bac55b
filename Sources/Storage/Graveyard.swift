public import Kernel
internal import Synchronization

/// Directory trees that are to be deleted: moved to `dead/` in one step, deleted by a thread of its own.
///
/// Deleting is slow where the disk discards freed blocks at once (13 ms for one empty work directory was seen), so no
/// caller waits for it. What is in `dead/` when the process ends is deleted by the next one, from where it stopped.
public final class Graveyard: Sendable {
    private struct State {
        var isDigging = false
        /// What could not be deleted; left for ``retry()`` and for the next start.
        var failed: Set<String> = []
    }

    private let dead: Directory
    private let state = Mutex(State())
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
        while state.withLock({ $0.isDigging }) { CallingThread.pause(microseconds: 1000) }
    }

    /// Starts the thread unless it runs; it ends when it finds nothing more.
    private func dig() throws(KernelError) {
        let isNeeded = state.withLock { state in
            defer { state.isDigging = true }
            return !state.isDigging
        }
        if !isNeeded { return }
        do throws(KernelError) { try startThread(named: "apron-delete") { [self] in deleteAll() } } catch {
            state.withLock { $0.isDigging = false }
            throw error
        }
    }

    private func deleteAll() {
        CallingThread.yieldToOthers()
        while true {
            for name in remaining(state.withLock { $0.failed }) {
                do throws(KernelError) { try dead.removeTree(name) } catch {
                    state.withLock { _ = $0.failed.insert(name) }
                }
            }
            // Whoever buries something after this look finds isDigging false and starts another thread.
            let isDone = state.withLock { state in
                let isDone = remaining(state.failed).isEmpty
                if isDone { state.isDigging = false }
                return isDone
            }
            if isDone { return }
        }
    }

    private func remaining(_ failed: Set<String>) -> [String] {
        ((try? dead.entries()) ?? []).filter { !failed.contains($0) }
    }
}
