public import Kernel
internal import Synchronization

/// One output of a program, on its way to any number of attached sockets, none of which can lose a byte of it.
///
/// The bytes never pass through this process: the kernel moves them from the program's pipe to the socket, or to a file
/// and from there to the sockets. What the pipe and the file hold outlives the daemon. Bytes that went straight to a
/// socket are there exactly once, also when the daemon is killed in the middle; of those that went by the file, at most
/// the last piece is repeated. Whoever attaches gets first what nobody has had yet.
public final class OutputStream: Sendable {
    private struct Guarded {
        var state: OutputState
        /// Held while the program's pipe is watched.
        var registration: PumpRegistration?
        /// Told of the first refusal of the disk, and then let go.
        var onRefusal: (@Sendable (KernelError) -> Void)?
        /// The earliest instant for which the pump has been asked to come back.
        var armed: UInt64?

        /// The deadline to ask the pump for: nil when it comes back early enough anyway.
        mutating func arm(_ deadline: UInt64?, now: UInt64) -> UInt64? {
            if let armed, armed <= now { self.armed = nil }
            guard let deadline, deadline < armed ?? .max else { return nil }
            armed = deadline
            return deadline
        }
    }

    private let pump: Pump
    /// Nobody but the pump's thread takes it until the stream is closed, so that thread does not wait for it.
    private let guarded: Mutex<Guarded>
    private let snapshot: Mutex<OutputStatistics>
    private let ids = Atomic<UInt64>(0)

    /// Begins with a new program's output, or goes on where a former daemon stopped when the spool file exists.
    /// - Parameter onRefusal: called once, on the pump's thread, when the disk takes no more for the first time: from
    ///   then on the program may have to wait
    /// - Throws: EINVAL or ELOOP when something that is no file is in the spool's place; ESHUTDOWN after the pump's
    ///   stop.
    public init(
        pipe: SharedDescriptor, spool: SpoolLocation, limits: OutputLimits = .standard, pump: Pump,
        onRefusal: (@Sendable (KernelError) -> Void)? = nil
    ) throws(KernelError) {
        let state = OutputState(
            output: try ProgramOutput(pipe), spool: try Spool(spool, limit: limits.spoolBytes), limits: limits)
        self.pump = pump
        snapshot = Mutex(state.currentStatistics)
        guarded = Mutex(Guarded(state: state, onRefusal: onRefusal))
        let registration = try pump.register(pipe, [.readable, .edges]) { [weak self] in self?.pipeChanged($0) }
        guarded.withLock { $0.registration = registration }
    }

    /// What was done so far; from any thread, without waiting.
    public var statistics: OutputStatistics { snapshot.withLock { $0 } }

    /// How many bytes come first to whoever attaches now: those that the program has written and nobody has had. Nil
    /// after the pump's stop.
    public func unread() async -> UInt64? {
        await withCheckedContinuation { continuation in
            let accepted = pump.perform {
                continuation.resume(returning: self.guarded.withLock { $0.state.unread })
            }
            if !accepted { continuation.resume(returning: nil) }
        }
    }

    /// Sends the output to a socket until the program's output ends, the peer goes, or the task is cancelled.
    ///
    /// A peer that shuts down its sending direction counts as gone: clients of the Garden protocol close output
    /// connections only as a whole, and bytes sent to a closed connection would be missing at the next attach. After
    /// the end the socket is shut down for sending and closed.
    /// - Parameters:
    ///   - socket: a connected stream socket; becomes non-blocking
    ///   - head: bytes for the peer that come first, no more than a fresh socket accepts at once. Whoever has them is
    ///     attached, and misses nothing that is written from then on
    public func attach(_ socket: consuming Descriptor, after head: [UInt8] = []) async -> AttachEnd {
        let socket = SharedDescriptor(socket)
        let id = ids.add(1, ordering: .relaxed).newValue
        let cancellation = Cancellation()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let accepted = pump.perform {
                    // Cancelled before: the order of the two pieces of work is not known.
                    if cancellation.isCancelled { return continuation.resume(returning: .detached(0)) }
                    self.add(socket, id, head) { continuation.resume(returning: $0) }
                }
                if !accepted { continuation.resume(returning: .closed(0)) }
            }
        } onCancel: {
            cancellation.cancel()
            pump.perform { self.run { state in state.end(id, AttachEnd.detached) } }
        }
    }

    /// The program has exited: what its pipe holds now is the rest of its output.
    ///
    /// Attachers end when they have it, and later ones when they have what was unread. What background children write
    /// afterwards is kept for later attachers.
    public func finish() {
        pump.perform { self.run { state in state.finished = true } }
    }

    /// Ends all attachers but leaves pipe and file to the next daemon.
    public func release() { close(removing: false) }

    /// Ends all attachers, lets go of the pipe and deletes the spool file. Blocks.
    public func close() { close(removing: true) }

    // On the caller's thread: the way to the pump's and back costs more than the work, and a disk that takes its time
    // holds up nobody else's output.
    private func close(removing: Bool) {
        run { state in
            state.close()
            if removing { state.spool.remove() }
        }
        let registration = guarded.withLock { $0.registration.take() }
        registration?.cancel()
    }

    // MARK: On the pump's thread

    private func pipeChanged(_ events: PollEvents) {
        run { state in
            if events.contains(.pumpStopped) { return state.close() }
            if events.contains(.hangup) { state.output.hungUp = true }
        }
    }

    private func add(
        _ socket: SharedDescriptor, _ id: UInt64, _ head: [UInt8], _ end: @escaping @Sendable (AttachEnd) -> Void
    ) {
        do {
            try socket.with { socket throws(KernelError) in try socket.setNonBlocking(true) }
            socket.sendWithoutDelay()
            // Never waits: a peer whose socket is full already would hold up everybody's output.
            if !head.isEmpty, try socket.writeSome(head) != head.count { return end(.clientGone(0)) }
            let registration = try pump.register(socket, [.writable, .peerClosed, .edges]) { [weak self] events in
                self?.socketChanged(id, events)
            }
            let attacher = Attacher(
                id: id, socket: socket, registration: registration, end: end, position: 0, progressAt: bootTime())
            run { state in
                state.add(attacher)
                if state.closed { state.close() }
            }
        } catch {
            end(.clientGone(0))
        }
    }

    private func socketChanged(_ id: UInt64, _ events: PollEvents) {
        run { state in
            if events.contains(.pumpStopped) { return state.end(id, AttachEnd.closed) }
            if !events.isDisjoint(with: [.error, .hangup, .peerClosed]) {
                return state.end(id, AttachEnd.clientGone)
            }
            state.unblock(id)
        }
    }

    private func run(_ change: (inout OutputState) -> Void = { _ in }) {
        let now = bootTime()
        let (turn, current, deadline, told) = guarded.withLock { guarded in
            change(&guarded.state)
            let turn = guarded.state.turn(now: now)
            let current = guarded.state.currentStatistics
            let told = current.spoolError == nil ? nil : guarded.onRefusal.take()
            return (turn, current, guarded.arm(turn.deadline, now: now), told)
        }
        snapshot.withLock { $0 = current }
        if let told, let error = current.spoolError { told(error) }
        for (end, how) in turn.ended { end(how) }
        if turn.again { pump.perform { [weak self] in self?.run() } }
        if let deadline { pump.schedule(at: deadline) { [weak self] in self?.run() } }
    }
}
