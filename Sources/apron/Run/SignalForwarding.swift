internal import Synchronization
internal import UnixSignals
internal import Worker

/// What signals to `apron run` mean: the first that ends goes to the process, the second kills; a change of the
/// terminal's size is passed on.
final class SignalForwarding: Sendable {
    private struct State {
        var process: (attachment: any ProcessAttachment, handle: String)?
        /// The first that came before there was a process.
        var pending: Int32?
        var forwarded = 0
    }

    private let containers: any Containers
    private let state = Mutex(State())

    init(containers: any Containers) { self.containers = containers }

    /// The signal that came before there was a process, if any.
    var pending: Int32? { state.withLock { $0.pending } }

    /// From now on signals go to this process; one that came before is handed over at once.
    func begin(_ attachment: any ProcessAttachment, in handle: String) async {
        let pending = state.withLock { state in
            state.process = (attachment, handle)
            if state.pending != nil { state.forwarded = 1 }
            return state.pending.take()
        }
        if let pending { try? await attachment.signal(pending) }
    }

    /// Does what the signal is for. The process may end meanwhile, so failures say nothing.
    func take(_ signal: UnixSignal, size: WindowSize?) async {
        if signal == .sigwinch {
            let process = state.withLock { $0.process }
            if let process, let size { try? await process.attachment.resize(size) }
            return
        }
        let (process, isFirst) = state.withLock { state in
            guard let process = state.process else {
                state.pending = state.pending ?? signal.rawValue
                return (nil as (attachment: any ProcessAttachment, handle: String)?, false)
            }
            state.forwarded += 1
            return (process, state.forwarded == 1)
        }
        guard let process else { return }
        if isFirst {
            try? await process.attachment.signal(signal.rawValue)
        } else {
            try? await containers.stop(process.handle, kill: true)
        }
    }
}
