internal import Kernel
internal import Synchronization

/// The creations that clients have asked for and not yet collected: which are under way, and how the others ended.
final class VolumeCreations: Sendable {
    typealias Result = Swift.Result<VolumeInfo, VolumeError>

    /// What became of a cancelled creation.
    enum Cancellation {
        /// It had settled, and its outcome is forgotten.
        case forgotten
        /// It is under way; its volume goes as soon as it is there.
        case givenUp
    }

    /// Clients poll for hours at most; whoever has not come by then will not.
    static let lifeNanoseconds: UInt64 = 6 * 3_600_000_000_000
    /// Outcomes beyond this number go, the oldest first, however young they are: some 2 KiB each.
    static let settledMax = 10_000

    private struct Creation {
        let outcome = Outcome<Result>()
        /// CLOCK_BOOTTIME at its begin; the order of creations.
        let began: UInt64
        var isGivenUp = false
        /// What makes the volume.
        var task: Task<Void, Never>?
    }

    private let creations = Mutex<[String: Creation]>([:])
    private let isStopping = Mutex(false)

    /// Takes a handle for a creation that begins now.
    /// - Throws: creationExists
    func begin(_ handle: String) throws(VolumeError) {
        let isNew = creations.withLock { creations in
            if creations[handle] != nil { return false }
            creations[handle] = Creation(began: bootTime())
            return true
        }
        if !isNew {
            throw VolumeError(
                .creationExists, "the outcome of a creation of volume \(handle) has not been collected yet",
                handle: handle)
        }
    }

    /// Makes an outcome known.
    /// - Returns: false when it was given up: the volume is to be destroyed, and then the creation to be abandoned
    func settle(_ handle: String, _ result: Result) -> Bool {
        let outcome = creations.withLock { creations -> Outcome<Result>? in
            guard let creation = creations[handle], !creation.isGivenUp else { return nil }
            creations[handle]?.task = nil
            return creation.outcome
        }
        outcome?.set(result)
        return outcome != nil
    }

    /// Says which task works on a creation, so that it ends early when nobody wants the volume any more.
    func attach(_ task: Task<Void, Never>, to handle: String) {
        let isUnwanted = creations.withLock { creations in
            if creations[handle]?.outcome.value == nil { creations[handle]?.task = task }
            return creations[handle]?.isGivenUp == true
        }
        if isUnwanted || isStopped { task.cancel() }
    }

    /// Whether creations under way are left as they are, for another worker.
    var isStopped: Bool { isStopping.withLock { $0 } }

    /// Ends all work on creations, which stay unsettled, and returns when none goes on.
    func stop() async {
        isStopping.withLock { $0 = true }
        let tasks = creations.withLock { creations in creations.values.compactMap(\.task) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Whether the creation has not settled yet.
    func isUnderWay(_ handle: String) -> Bool {
        creations.withLock { creations in creations[handle].map { $0.outcome.value == nil } ?? false }
    }

    /// The creation never began, or nothing of it is left: the handle is free.
    func abandon(_ handle: String) { creations.withLock { $0[handle] = nil } }

    /// The outcome, or nil when there is none within this time.
    /// - Throws: unknownCreation
    func result(_ handle: String, within duration: Duration) async throws(VolumeError) -> Result? {
        let outcome = creations.withLock { creations in
            creations[handle].flatMap { $0.isGivenUp ? nil : $0.outcome }
        }
        guard let outcome else { throw VolumeCreations.unknown(handle) }
        return await outcome.value(within: duration)
    }

    /// Forgets a creation, or gives it up.
    /// - Throws: unknownCreation
    func cancel(_ handle: String) throws(VolumeError) -> Cancellation {
        let cancellation = creations.withLock { creations -> (Cancellation, Task<Void, Never>?)? in
            guard let creation = creations[handle], !creation.isGivenUp else { return nil }
            if creation.outcome.value != nil {
                creations[handle] = nil
                return (.forgotten, nil)
            }
            creations[handle]?.isGivenUp = true
            return (.givenUp, creation.task)
        }
        guard let (cancellation, task) = cancellation else { throw VolumeCreations.unknown(handle) }
        task?.cancel()
        return cancellation
    }

    /// Takes out what has waited too long to be collected, and tells its handles.
    func expire() -> [String] {
        creations.withLock { creations in
            let now = bootTime()
            let settled = creations.filter { $0.value.outcome.value != nil }.sorted { $0.value.began < $1.value.began }
            var expired = settled.prefix { $0.value.began + VolumeCreations.lifeNanoseconds < now }.map(\.key)
            let rest = settled.dropFirst(expired.count)
            expired += rest.prefix(max(0, rest.count - VolumeCreations.settledMax)).map(\.key)
            for handle in expired { creations[handle] = nil }
            return expired
        }
    }

    private static func unknown(_ handle: String) -> VolumeError {
        VolumeError(.unknownCreation, "no creation of volume \(handle) is known", handle: handle)
    }
}
