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

    private struct State {
        var jobs: [UnownedJob] = []
        var next = 0
        var threads = 0
        var idle = 0
    }

    private let state = Mutex(State())
    private let wake: Semaphore
    /// The one instance: threads are a resource of the process.
    public static let shared = BlockingExecutor()

    private init() { wake = Semaphore() }

    /// Runs a job on a thread that may block.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
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
            let job: UnownedJob? = state.withLock { state in
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
            // Safe: each job was taken off the queue once, so it runs once.
            if let job { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
