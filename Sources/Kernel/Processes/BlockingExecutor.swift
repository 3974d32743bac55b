internal import Synchronization

/// Threads for work that blocks in system calls; tasks prefer it by `withTaskExecutorPreference`.
///
/// The cooperative pool has as many threads as processors and must never wait for the kernel; task-local values follow
/// a task onto this executor (they do not follow a plain hop to a queue).
public final class BlockingExecutor: TaskExecutor {
    /// More than this many calls at a time wait their turn: each holds a thread's stack.
    private static let threadsMax = 96
    /// Kept for the next call; above that, idle threads end.
    private static let idleThreadsMax = 8

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct State {
        var jobs: [Work] = []
        var next = 0
        var threads = 0
        var idle = 0
    }

    private let state = Mutex(State())
    private let wake: Semaphore
    /// The one instance: threads are a resource of the process.
    public static let shared = BlockingExecutor()

    private init() { wake = Semaphore() }

    /// Runs `body` on a thread that may block.
    ///
    /// The body is concurrent on purpose: any other asynchronous function stays on the thread of its caller, an event
    /// loop's perhaps, whatever its task prefers.
    public static func run<Result: Sendable, Failure: Error>(
        _ body: @Sendable @concurrent () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await withTaskExecutorPreference(shared) { () async throws(Failure) in try await body() }
    }

    /// Runs a job on a thread that may block.
    public func enqueue(_ job: consuming ExecutorJob) { enqueue(.job(UnownedJob(job))) }

    /// Runs a closure on a thread that may block.
    public func perform(_ closure: @escaping @Sendable () -> Void) { enqueue(.closure(closure)) }

    private func enqueue(_ job: Work) {
        let startsThread = state.withLock { state in
            state.jobs.append(job)
            if state.idle > state.jobs.count - state.next - 1 { return false }
            guard state.threads < BlockingExecutor.threadsMax else { return false }
            state.threads += 1
            return true
        }
        if startsThread {
            do { try startThread(named: "apron-blocking") { self.work() } } catch {
                // Too many threads on this host right now: those that there are will come to it.
                state.withLock { $0.threads -= 1 }
            }
        }
        wake.signal()
    }

    private func work() {
        while true {
            let mayEnd = state.withLock { state in
                if state.idle >= BlockingExecutor.idleThreadsMax, state.next == state.jobs.count {
                    state.threads -= 1
                    return true
                }
                state.idle += 1
                return false
            }
            if mayEnd { return }
            wake.wait()
            let job: Work? = state.withLock { state in
                state.idle -= 1
                guard state.next < state.jobs.count else { return nil }
                let job = state.jobs[state.next]
                state.next += 1
                if state.next == state.jobs.count {
                    state.jobs.removeAll(keepingCapacity: true)
                    state.next = 0
                }
                return job
            }
            switch job {
            // Safe: each job was taken off the queue once, so it runs once.
            case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            case .closure(let run): run()
            case nil: break
            }
        }
    }
}
