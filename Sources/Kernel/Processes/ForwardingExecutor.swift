/// Runs the jobs of tasks that prefer it wherever its owner runs closures, such as on an event loop.
public final class ForwardingExecutor: TaskExecutor {
    private let perform: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// - Parameter perform: runs each closure once, soon, and without blocking the caller
    public init(_ perform: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) { self.perform = perform }

    /// Runs a job.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Safe: the closure is run once, so the job is.
        perform { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
