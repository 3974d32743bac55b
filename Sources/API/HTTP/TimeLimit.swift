internal import Kernel
internal import NIOCore
internal import Synchronization
internal import Worker

/// Runs `body` on an event loop, cancels it after `limit` and then waits for it, so that what it undoes is undone when
/// the caller is told.
///
/// A body that succeeds all the same has succeeded. The loop keeps the time, so that no other thread is woken for it.
func withTimeLimit<Result: Sendable>(
    _ limit: Duration, on loop: any EventLoop, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let isOver = Atomic<Bool>(false)
    let task = Task.immediate(executorPreference: ForwardingExecutor { loop.execute($0) }) { try await body() }
    let timer = loop.scheduleTask(in: TimeAmount(limit)) {
        isOver.store(true, ordering: .relaxed)
        task.cancel()
    }
    defer { timer.cancel() }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch {
        guard isOver.load(ordering: .relaxed) else { throw error }
        throw WorkerError(.failed, "timed out after \(goText(limit))")
    }
}

/// A duration as Go writes it, such as `5m0s`.
func goText(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    let millis = duration.components.attoseconds / 1_000_000_000_000_000
    let rest = millis > 0 ? "\(seconds % 60).\(String(1000 + millis).dropFirst())s" : "\(seconds % 60)s"
    if seconds >= 3600 { return "\(seconds / 3600)h\(seconds / 60 % 60)m\(rest)" }
    return seconds >= 60 ? "\(seconds / 60)m\(rest)" : rest
}
