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

    /// A thread that waits for work.
    private final class IdleThread: Sendable {
        let wake = Semaphore()
        let work = Mutex<Work?>(nil)
    }

    private struct State {
        /// Work that waits because all threads are busy, from `next` on.
        var queue: [Work] = []
        var next = 0
        var threads = 0
        /// The one that has waited least is last: what it needs is likely still in the processor's cache.
        var idle: [IdleThread] = []

        mutating func takeQueued() -> Work? {
            guard next < queue.count else { return nil }
            defer {
                next += 1
                if next == queue.count {
                    queue.removeAll(keepingCapacity: true)
                    next = 0
                }
            }
            return queue[next]
        }
    }

    private let state = Mutex(State())
    /// The one instance: threads are a resource of the process.
    public static let shared = BlockingExecutor()

    private init() {}

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

    private func enqueue(_ work: Work) {
        let (thread, startsThread) = state.withLock { state -> (IdleThread?, Bool) in
            if let thread = state.idle.popLast() { return (thread, false) }
            state.queue.append(work)
            guard state.threads < BlockingExecutor.threadsMax else { return (nil, false) }
            state.threads += 1
            return (nil, true)
        }
        if let thread {
            thread.work.withLock { $0 = work }
            thread.wake.signal()
        } else if startsThread {
            do { try startThread(named: "apron-blocking") { self.work() } } catch {
                // Too many threads on this host right now: those that there are will come to it.
                state.withLock { $0.threads -= 1 }
            }
        }
    }

    private func work() {
        let own = IdleThread()
        while true {
            let (work, mayEnd) = state.withLock { state -> (Work?, Bool) in
                if let work = state.takeQueued() { return (work, false) }
                if state.idle.count >= BlockingExecutor.idleThreadsMax {
                    state.threads -= 1
                    return (nil, true)
                }
                state.idle.append(own)
                return (nil, false)
            }
            if mayEnd { return }
            switch work ?? awaitWork(own) {
            // Safe: each job was taken once, so it runs once.
            case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            case .closure(let run): run()
            case nil: break
            }
        }
    }

    private func awaitWork(_ thread: IdleThread) -> Work? {
        thread.wake.wait()
        return thread.work.withLock { $0.take() }
    }
}
