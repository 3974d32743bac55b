internal import Kernel
internal import Synchronization

/// Brings written volumes to the disk once nothing has been written for a while, so that syncfs(2), which makes every
/// writer of the disk wait, is rare.
final class VolumeSynchronizer: Sendable {
    private struct State {
        var isRunning = false
        /// Since the last synchronisation began.
        var isTouched = false
        /// On the clock of ``bootTime()``.
        var due: UInt64 = 0
        /// However much is written meanwhile, so that what a power cut takes stays bounded.
        var dueAtLatest: UInt64 = 0
    }

    private let delay: UInt64?
    private let state = Mutex(State())
    private static let tickMicroseconds: UInt32 = 100_000
    /// So many delays after the first write at the latest.
    private static let delaysMax: UInt64 = 3

    /// - Parameter delay: milliseconds; nil for never
    init(delay: UInt64?) { self.delay = delay }

    /// Something was written; begins to wait again from now.
    func touch(_ store: VolumeStore) {
        guard let delay else { return }
        let isNeeded = state.withLock { state in
            defer { state.isRunning = true }
            let (now, delay) = (bootTime(), delay * 1_000_000)
            if !state.isTouched { state.dueAtLatest = now + delay * VolumeSynchronizer.delaysMax }
            state.isTouched = true
            state.due = min(now + delay, state.dueAtLatest)
            return !state.isRunning
        }
        if !isNeeded { return }
        do throws(KernelError) {
            try startThread(named: "apron-vol-sync") { [weak store, self] in
                repeat { wait() } while synchronize(store)
            }
        } catch { state.withLock { $0.isRunning = false } }
    }

    private func wait() {
        while state.withLock({ $0.due }) > bootTime() {
            CallingThread.pause(microseconds: VolumeSynchronizer.tickMicroseconds)
        }
    }

    /// True when something was written meanwhile.
    private func synchronize(_ store: VolumeStore?) -> Bool {
        state.withLock { $0.isTouched = false }
        // What fails stays marked, and is tried again after the next write.
        try? store?.synchronize()
        return state.withLock { state in
            state.isRunning = store != nil && state.isTouched
            return state.isRunning
        }
    }
}

extension VolumeStore {
    /// Brings the contents of all volumes that nobody can write to any more to the disk, and notes that they are there.
    /// - Parameter isFinal: no volume at its path is written to any more either: for an orderly end
    public func synchronize(isFinal: Bool = false) throws {
        if settings.attachesAtPath && !isFinal { return }
        let written = table.withLock { table in
            table.entries.values.filter { $0.stage == .live && $0.record.writtenSince != nil && !$0.isWritten }
        }
        if written.isEmpty { return }
        try files.step("syncfs") { try files.layers.synchronizeFileSystem() }
        for former in written {
            do {
                try exclusively(former.record.handle) { record in
                    let entry = table.withLock { $0[live: record.handle] }
                    // Whoever could write since then may have written something that is not on the disk.
                    guard let entry, entry.gate === former.gate, entry.writes == former.writes, record == former.record
                    else { return }
                    var clean = record
                    clean.writtenSince = nil
                    try rewrite(clean)
                }
            } catch let error as VolumeStoreError where error.kind == .unknown {}
        }
    }
}
