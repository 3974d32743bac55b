public import Kernel
internal import Synchronization

/// The standard input of a program: a pipe's write end or a terminal's master.
///
/// Writers are served in the order of their calls, each until the kernel has accepted all of its bytes; a writer waits
/// while the program does not read.
public final class InputStream: Sendable {
    /// When a blocked write is tried again without being told: terminals do not report every change (n_tty).
    private static let retryNanoseconds: UInt64 = 100_000_000

    private let pump: Pump
    private let closed: @Sendable () -> Void
    private let state: Mutex<InputState>
    private let ids = Atomic<UInt64>(0)

    /// Takes the descriptor that the program's input is written to; it becomes non-blocking, for all its duplicates.
    /// - Parameter closed: called once, on the pump's thread, after our end was closed: other holders may follow, so
    ///   that the program sees the end of its input.
    public init(
        _ descriptor: SharedDescriptor, pump: Pump, closed: @escaping @Sendable () -> Void = {}
    ) throws(KernelError) {
        try descriptor.with { descriptor throws(KernelError) in try descriptor.setNonBlocking(true) }
        self.pump = pump
        self.closed = closed
        state = Mutex(InputState(descriptor: descriptor))
        let registration = try pump.register(descriptor, [.writable, .edges]) { [weak self] events in
            self?.run(stopped: events.contains(.pumpStopped))
        }
        state.withLock { $0.registration = registration }
    }

    /// Writes all of `bytes`; returns when the kernel has accepted them.
    /// - Throws: EPIPE when the program closed its input or ``close()`` was called; ECANCELED when the task was
    ///   cancelled, with some of the bytes possibly written; ESHUTDOWN after the pump's stop.
    public func write(_ bytes: [UInt8]) async throws(KernelError) {
        let id = ids.add(1, ordering: .relaxed).newValue
        let cancellation = Cancellation()
        let outcome: Result<Void, KernelError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let accepted = pump.perform {
                    if cancellation.isCancelled {
                        return continuation.resume(returning: .failure(InputState.error(.canceled)))
                    }
                    let write = InputState.Write(id: id, bytes: bytes) { continuation.resume(returning: $0) }
                    self.run(adding: write)
                }
                if !accepted { continuation.resume(returning: .failure(InputState.error(.shutDown))) }
            }
        } onCancel: {
            cancellation.cancel()
            pump.perform { self.cancel(id) }
        }
        try outcome.get()
    }

    /// Closes our end after the writes that were begun before.
    public func close() {
        // After the writes whose work the pump has before this.
        let work: @Sendable () -> Void = {
            self.state.withLock { $0.closing = true }
            self.run()
        }
        if state.withLock({ $0.isReleased }) { return }
        if !pump.perform(work) { work() }
    }

    private func cancel(_ id: UInt64) {
        let write = state.withLock { state in
            state.queue.firstIndex { $0.id == id }.map { state.queue.remove(at: $0) }
        }
        write?.end(.failure(InputState.error(.canceled)))
        run()
    }

    /// Writes what the kernel takes; on the pump's thread.
    private func run(adding write: InputState.Write? = nil, stopped: Bool = false) {
        let (ended, retry, released) = state.withLock { state in
            if let write { state.queue.append(write) }
            if stopped { state.failure = state.failure ?? InputState.error(.shutDown) }
            return (state.advance(), state.needsRetry(), state.releaseIfDone())
        }
        for (write, outcome) in ended { write.end(outcome) }
        if retry {
            pump.schedule(at: bootTime() + Self.retryNanoseconds) { [weak self] in
                self?.state.withLock { $0.retrying = false }
                self?.run()
            }
        }
        if released { closed() }
    }
}
