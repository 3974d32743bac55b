internal import Synchronization

/// A program's end, awaited by any number of callers.
final class ExitLatch: Sendable {
    private struct State {
        var result: Result<Int32, WorkerError>?
        var waiters: [Int: CheckedContinuation<Int32, any Error>] = [:]
        var cancelled: Set<Int> = []
        var next = 0
    }

    private let state = Mutex(State())

    /// The end, once it is known.
    var result: Result<Int32, WorkerError>? { state.withLock { $0.result } }

    /// Makes the end known; the first caller wins.
    func set(_ result: Result<Int32, WorkerError>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Int32, any Error>] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result.mapError { $0 }) }
    }

    /// Waits for the end.
    /// - Throws: the reason why it will never be known, or CancellationError
    func wait() async throws -> Int32 {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Int32, any Error>? in
                    if let result = state.result { return result.mapError { $0 } }
                    if state.cancelled.remove(ticket) != nil { return .failure(CancellationError()) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: ticket)
                if waiter == nil, state.result == nil { state.cancelled.insert(ticket) }
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
