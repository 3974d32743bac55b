public import Kernel
internal import Synchronization

/// The one thread that waits for descriptors and moves their bytes.
///
/// Streams and watchers register descriptors with it; it calls them when something is ready. Everything it runs is
/// short and does not wait, so one thread serves every container. It has SIGPIPE blocked.
/// The thread ends when the last reference to the pump goes, or by ``stop()``.
public final class Pump: Sendable {
    private let loop: PumpLoop
    private let tokens = Atomic<UInt64>(PumpLoop.wakeToken)

    /// Starts the thread.
    /// - Throws: EMFILE, ENOMEM or EAGAIN when the process is at its limits.
    public init(name: String = "apron-pump") throws(KernelError) {
        let loop = try PumpLoop()
        try startThread(named: name) { loop.run() }
        self.loop = loop
    }

    deinit { loop.stop {} }

    /// Ends the thread. Every registration is told by ``PollEvents/pumpStopped``; attachers end as closed.
    ///
    /// Returns when the thread runs nothing of anybody any more.
    public func stop() async {
        await withCheckedContinuation { continuation in
            loop.stop { continuation.resume() }
        }
    }

    /// Calls `handler` on the pump's thread for every event of a descriptor until the registration is cancelled.
    ///
    /// Errors and hang-ups are reported without being asked for. The handler must not wait for anything.
    /// - Throws: EPERM for descriptors that cannot be waited for, such as files; ESHUTDOWN after ``stop()``.
    public func register(
        _ descriptor: SharedDescriptor,
        _ events: PollEvents,
        _ handler: @escaping @Sendable (PollEvents) -> Void
    ) throws(KernelError) -> PumpRegistration {
        let token = tokens.add(1, ordering: .relaxed).newValue
        let watched = try loop.add(token, descriptor, events, handler)
        return PumpRegistration(loop: loop, token: token, watched: watched)
    }

    /// Waits until a descriptor is readable, closed or failed: data in a socket, the end of a pidfd's process.
    /// - Returns: false when the task was cancelled or the pump stopped first.
    @discardableResult
    public func whenReadable(_ descriptor: SharedDescriptor) async throws(KernelError) -> Bool {
        let wait = ReadinessWait()
        let outcome: Result<Bool, KernelError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait.begin(continuation) { () throws(KernelError) in
                    try self.register(descriptor, [.readable, .peerClosed, .once]) { events in
                        wait.end(.success(!events.contains(.pumpStopped)))
                    }
                }
            }
        } onCancel: {
            wait.end(.success(false))
        }
        return try outcome.get()
    }

    /// Runs `work` on the pump's thread, in the order of the calls.
    /// - Returns: false when the pump has stopped; the work is not run then.
    @discardableResult
    func perform(_ work: @escaping @Sendable () -> Void) -> Bool { loop.perform(work) }

    /// Runs `work` on the pump's thread at an instant of ``bootTime()``, unless the pump stops before.
    func schedule(at deadline: UInt64, _ work: @escaping @Sendable () -> Void) { loop.schedule(at: deadline, work) }
}

extension PollEvents {
    /// The pump stops and forgets the registration; no bit of the kernel.
    public static let pumpStopped = PollEvents(rawValue: 1 << 24)
}

/// A descriptor in the pump; it stays open and watched until this is cancelled or dropped.
public final class PumpRegistration: Sendable {
    private let loop: PumpLoop
    private let token: UInt64
    private let watched: SharedDescriptor

    init(loop: PumpLoop, token: UInt64, watched: SharedDescriptor) {
        self.loop = loop
        self.token = token
        self.watched = watched
    }

    deinit { cancel() }

    /// Ends the watch. A call of the handler that is under way goes on; none begins afterwards.
    public func cancel() { loop.remove(token, watched) }
}
