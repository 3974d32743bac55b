internal import Kernel
internal import Synchronization

/// One task's wait for one descriptor: ended once, by readiness, cancellation or the pump's stop.
final class ReadinessWait: Sendable {
    typealias Outcome = Result<Bool, KernelError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        var registration: PumpRegistration?
        var outcome: Outcome?
    }

    private let state = Mutex(State())

    func begin(
        _ continuation: CheckedContinuation<Outcome, Never>, _ register: () throws(KernelError) -> PumpRegistration
    ) {
        let early = state.withLock { state in
            if state.outcome == nil { state.continuation = continuation }
            return state.outcome
        }
        if let early { return continuation.resume(returning: early) }
        do {
            let registration = try register()
            // Ended meanwhile: then the registration goes with this scope.
            state.withLock { state in
                if state.outcome == nil { state.registration = registration }
            }
        } catch {
            end(.failure(error))
        }
    }

    func end(_ outcome: Outcome) {
        let (continuation, registration) = state.withLock { state in
            if state.outcome == nil { state.outcome = outcome }
            let taken = (state.continuation, state.registration)
            state.continuation = nil
            state.registration = nil
            return taken
        }
        registration?.cancel()
        continuation?.resume(returning: outcome)
    }
}
