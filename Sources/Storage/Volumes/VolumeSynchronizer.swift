internal import Kernel
internal import Synchronization

/// Brings written volumes to the disk once nothing has been written for a while, so that syncfs(2), which makes every
/// writer of the disk wait, is rare: one call serves all that was written before it.
final class VolumeSynchronizer: Sendable {
    private let isEnabled: Bool
    private let schedule: Mutex<SyncSchedule>
    private static let tickMicroseconds: UInt32 = 100_000

    /// - Parameter delay: milliseconds; nil for never
    init(delay: UInt64?) {
        isEnabled = delay != nil
        schedule = Mutex(SyncSchedule(delay: (delay ?? 0) * 1_000_000))
    }

    /// Whether nobody waits or synchronises.
    var isIdle: Bool { schedule.withLock { !$0.isRunning } }

    /// Something was written; begins to wait again from now.
    /// - Parameter synchronize: what to do then, on a thread that may block; false when it need never be called again
    func touch(_ synchronize: @escaping @Sendable () -> Bool) {
        guard isEnabled, schedule.withLock({ $0.touch(at: bootTime()) }) else { return }
        do throws(KernelError) {
            try startThread(named: "apron-vol-sync") { [self] in
                repeat { wait() } while run(synchronize)
            }
        } catch { schedule.withLock { $0.stop() } }
    }

    private func wait() {
        while schedule.withLock({ !$0.begin(at: bootTime()) }) {
            CallingThread.pause(microseconds: VolumeSynchronizer.tickMicroseconds)
        }
    }

    /// True when something was written meanwhile.
    private func run(_ synchronize: () -> Bool) -> Bool {
        let isWanted = synchronize()
        return schedule.withLock { $0.end(isWanted: isWanted) }
    }
}

extension VolumeStore {
    /// Something was written that nobody writes to any more.
    func noteWritten() {
        synchronizer.touch { [weak self] in
            // What fails stays marked, and is tried again after the next write.
            try? self?.synchronize()
            return self != nil
        }
    }

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
