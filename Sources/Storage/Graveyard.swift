public import Kernel
internal import Synchronization

/// Directory trees that are to be deleted: moved to `dead/` in one step, deleted by a thread of its own.
///
/// Deleting is slow where the disk discards freed blocks at once (13 ms for one empty work directory was seen), so no
/// caller waits for it. What is in `dead/` when the process ends is deleted by the next one.
public final class Graveyard: Sendable {
    private struct State {
        var isDigging = false
        var failures: [String] = []
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
        try dig()
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
        // What cannot be deleted is left for the next start, and tried only once by this thread.
        var failed: Set<String> = []
        while true {
            let names = ((try? dead.entries()) ?? []).filter { !failed.contains($0) }
            for name in names {
                do throws(KernelError) { try dead.removeTree(name) } catch { failed.insert(name) }
            }
            // Whoever buries something after this look finds isDigging false and starts another thread.
            let isDone = state.withLock { state in
                let rest = ((try? dead.entries()) ?? []).filter { !failed.contains($0) }
                if rest.isEmpty { state.isDigging = false }
                return rest.isEmpty
            }
            if isDone { return }
        }
    }
}
