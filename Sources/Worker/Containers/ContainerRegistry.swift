internal import Synchronization

/// Which handles are taken, and by what: the one place that decides who may create and who may destroy.
final class ContainerRegistry: Sendable {
    private enum Entry {
        /// Being made; the latch opens when that is over, either way.
        case creating(ExitLatch)
        case live(Container)
        case destroying(Container)
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let maximum: Int

    /// - Parameter maximum: most containers; 0 is no limit
    init(maximum: Int) { self.maximum = maximum }

    /// Takes a handle for a new container.
    func begin(_ handle: String) throws {
        try entries.withLock { entries in
            guard entries[handle] == nil else {
                throw WorkerError(.handleInUse, "Handle '\(handle)' already in use", handle: handle)
            }
            guard maximum == 0 || entries.count < maximum else {
                throw WorkerError(
                    .unavailable, "max containers reached: \(entries.count) of \(maximum)", handle: handle)
            }
            entries[handle] = .creating(ExitLatch())
        }
    }

    /// The new container is published.
    func publish(_ container: Container) {
        let latch = entries.withLock { entries -> ExitLatch? in
            defer { entries[container.handle] = .live(container) }
            if case .creating(let latch) = entries[container.handle] { return latch }
            return nil
        }
        latch?.set(.success(0))
    }

    /// A container of an earlier worker is back; for the start.
    func restore(_ container: Container) { entries.withLock { $0[container.handle] = .live(container) } }

    /// The new container failed.
    func abandon(_ handle: String) {
        let latch = entries.withLock { entries -> ExitLatch? in
            guard case .creating(let latch) = entries[handle] else { return nil }
            entries[handle] = nil
            return latch
        }
        latch?.set(.success(0))
    }

    /// A live container.
    func find(_ handle: String) throws -> Container {
        try entries.withLock { entries in
            guard case .live(let container) = entries[handle] else { throw WorkerError.unknownContainer(handle) }
            return container
        }
    }

    /// Takes a container for removal; one that is being made is waited for.
    func take(_ handle: String) async throws -> Container {
        while true {
            let latch = try entries.withLock { entries -> Result<Container, LatchHolder> in
                switch entries[handle] {
                case nil: throw WorkerError.unknownContainer(handle)
                case .creating(let latch): return .failure(LatchHolder(latch: latch))
                case .destroying:
                    throw WorkerError(.beingDestroyed, "container already being destroyed", handle: handle)
                case .live(let container):
                    entries[handle] = .destroying(container)
                    return .success(container)
                }
            }
            switch latch {
            case .success(let container): return container
            case .failure(let holder): _ = try await holder.latch.wait()
            }
        }
    }

    /// The removal is over: with success the handle is free, else the container can be destroyed again.
    func release(_ container: Container, isGone: Bool) {
        entries.withLock { $0[container.handle] = isGone ? nil : .live(container) }
    }

    /// All live containers, in the order of their handles.
    var live: [Container] {
        entries.withLock { entries in
            entries.values.compactMap { entry in
                switch entry {
                case .live(let container), .destroying(let container): container
                case .creating: nil
                }
            }
        }
        .sorted { $0.handle < $1.handle }
    }

    private struct LatchHolder: Error { let latch: ExitLatch }
}
