internal import Synchronization

/// An actor whose methods may block.
public protocol BlockingActor: Actor {
    /// Where it runs; its own.
    nonisolated var queue: BlockingQueue { get }
}

extension BlockingActor {
    /// The queue, which the actor holds: hence safe.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe queue.asUnownedSerialExecutor() }
}

/// Runs an actor's jobs one after the other on the threads of ``BlockingExecutor``, so that its methods may block.
///
/// The default executor of an actor runs on whichever thread the caller comes from, an event loop's included.
public final class BlockingQueue: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var next = 0
        var isRunning = false
    }

    private let state = Mutex(State())

    /// An empty queue; each actor has its own.
    public init() {}

    /// Runs a job after those that came before.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if isFirst { BlockingExecutor.shared.perform { self.runAll() } }
    }

    private func runAll() {
        while let job = takeNext() {
            // Safe: each job was taken off the queue once, so it runs once.
            unsafe job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }

    private func takeNext() -> UnownedJob? {
        state.withLock { state in
            guard state.next < state.jobs.count else {
                state.jobs.removeAll(keepingCapacity: true)
                state.next = 0
                state.isRunning = false
                return nil
            }
            defer { state.next += 1 }
            return state.jobs[state.next]
        }
    }
}
