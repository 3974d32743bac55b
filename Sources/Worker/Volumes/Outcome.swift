internal import Synchronization

/// A value that becomes known once, awaited by any number of callers, each for as long as it likes.
final class Outcome<Value: Sendable>: Sendable {
    private enum Waiter {
        /// On its way to wait.
        case coming
        case waiting(CheckedContinuation<Value?, Never>)
    }

    private struct State {
        var value: Value?
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The value, once it is known.
    var value: Value? { state.withLock { $0.value } }

    /// Makes the value known; the first one counts.
    func set(_ value: Value) {
        let waiters = state.withLock { state -> [Waiter] in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for case .waiting(let waiter) in waiters { waiter.resume(returning: value) }
    }

    /// The value; nil when it is not known after this time, or when the task was cancelled.
    func value(within duration: Duration) async -> Value? {
        if let value { return value }
        guard duration > .zero else { return nil }
        let ticket = state.withLock { state in
            state.next += 1
            state.waiters[state.next] = .coming
            return state.next
        }
        let timer = Task {
            try? await Task.sleep(for: duration)
            leave(ticket)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Value?? in
                    if let value = state.value { return .some(value) }
                    guard state.waiters[ticket] != nil else { return .some(nil) }
                    state.waiters[ticket] = .waiting(continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            leave(ticket)
        }
    }

    private func leave(_ ticket: UInt64) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: ticket) }
        if case .waiting(let waiter) = waiter { waiter.resume(returning: nil) }
    }
}
