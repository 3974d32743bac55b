internal import Synchronization

/// A container's idle life: counts down while no request names the container, and starts anew after each.
final class GraceTime: Sendable {
    private struct State {
        var nanoseconds: UInt64
        var uses = 0
        var countdown: Task<Void, Never>?
        var onExpiry: (@Sendable () async -> Void)?
        var isStopped = false
    }

    private let state: Mutex<State>

    /// - Parameter nanoseconds: 0 is for ever
    init(nanoseconds: UInt64) { state = Mutex(State(nanoseconds: nanoseconds)) }

    /// Says what happens when the time is over, and starts it.
    func start(_ onExpiry: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.onExpiry = onExpiry
            GraceTime.rewind(&state)
        }
    }

    /// Replaces the time and starts it anew, once nobody uses the container.
    func set(nanoseconds: UInt64) {
        state.withLock { state in
            state.nanoseconds = nanoseconds
            GraceTime.rewind(&state)
        }
    }

    /// A request begins that names the container.
    func beginUse() {
        state.withLock { state in
            state.uses += 1
            state.countdown?.cancel()
            state.countdown = nil
        }
    }

    /// The request is over.
    func endUse() {
        state.withLock { state in
            state.uses -= 1
            GraceTime.rewind(&state)
        }
    }

    /// Does not expire until it is resumed.
    func stop() { set(isStopped: true) }

    /// Starts anew.
    func resume() { set(isStopped: false) }

    private func set(isStopped: Bool) {
        state.withLock { state in
            state.isStopped = isStopped
            GraceTime.rewind(&state)
        }
    }

    private static func rewind(_ state: inout State) {
        state.countdown?.cancel()
        state.countdown = nil
        guard !state.isStopped, state.uses == 0, state.nanoseconds > 0, let onExpiry = state.onExpiry else { return }
        let duration = Duration.nanoseconds(Int64(min(state.nanoseconds, UInt64(Int64.max))))
        // Detached: the end belongs to nobody's request, least of all to the trace of the last one.
        state.countdown = Task.detached {
            do { try await Task.sleep(for: duration) } catch { return }
            await onExpiry()
        }
    }
}
