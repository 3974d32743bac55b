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
    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct State {
        var jobs: [Work] = []
        var next = 0
        var isRunning = false
    }

    private let state = Mutex(State())

    /// An empty queue; each actor has its own.
    public init() {}

    /// Runs a job after those that came before.
    public func enqueue(_ job: consuming ExecutorJob) { enqueue(.job(UnownedJob(job))) }

    /// Runs a closure after what came before; without a task, and on no thread but the one that it runs on.
    public func perform(_ closure: @escaping @Sendable () -> Void) { enqueue(.closure(closure)) }

    private func enqueue(_ job: Work) {
        let isFirst = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if isFirst { BlockingExecutor.shared.perform { self.runAll() } }
    }

    private func runAll() {
        while let work = takeNext() {
            switch work {
            // Safe: each job was taken off the queue once, so it runs once.
            case .job(let job): unsafe job.runSynchronously(on: asUnownedSerialExecutor())
            case .closure(let run): run()
            }
        }
    }

    private func takeNext() -> Work? {
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
