internal import InitProtocol
public import Kernel
internal import Synchronization

/// The daemon's end of the conversation with one container's process 1.
///
/// Requests are answered one at a time and block; events arrive in between or when the owner of the poll loop calls
/// ``drain()``. What process 1 says is untrusted: lengths and numbers are checked, nothing is indexed by them.
public final class InitConnection: Sendable {
    /// A reply takes as long as the step it answers; a process 1 that is silent for longer is taken for dead.
    private static let replyMillisecondsMax: Int32 = 60_000
    /// The largest message: a reply with all its step records.
    private static let messageBytesMax = InitFrame.bytes + 640 * StepRecord.bytes

    /// Why process 1 refused or failed a request.
    public struct Failure: Error, Sendable {
        /// The failed system call and errno.
        public let error: KernelError
        /// The operation's index or the program's step.
        public let step: Int
        /// The stamps up to the failure.
        public let records: [StepRecord]
    }

    /// An answer.
    struct Reply {
        let frame: InitFrame
        let body: [UInt8]
        let descriptors: [Int32]
    }

    private struct State: ~Copyable {
        let socket: SequencedSocket
        var serial: UInt32 = 0
        var isEnded = false
    }

    private let state: Mutex<State>
    private let number: Int32
    private let onExit: @Sendable (ExitRecord) -> Void
    private let onEnd: @Sendable () -> Void

    /// Connects to process 1.
    /// - Parameters:
    ///   - onExit: called for each program's end, on whichever thread received it; must not block
    ///   - onEnd: called once when process 1 is gone
    public init(
        name: String, in directory: borrowing Descriptor,
        onExit: @escaping @Sendable (ExitRecord) -> Void, onEnd: @escaping @Sendable () -> Void
    ) throws(KernelError) {
        let socket = try SequencedSocket.connect(to: name, in: directory)
        number = socket.descriptor.number
        state = Mutex(State(socket: socket))
        self.onExit = onExit
        self.onEnd = onEnd
    }

    /// For polling; valid while this object lives.
    public var descriptorNumber: Int32 { number }

    /// Another descriptor of the socket, for a poll loop that outlives this object's users.
    public func duplicate() throws(KernelError) -> Descriptor {
        try state.withLock { state throws(KernelError) in try state.socket.descriptor.duplicate() }
    }

    /// Sends a request and waits for its reply. Blocks.
    func request(_ frame: InitFrame, descriptors: [Int32] = []) throws(KernelError) -> Reply {
        var events: [ExitRecord] = []
        defer {
            for event in events { onExit(event) }
            // Whoever found the connection busy meanwhile has left its events to us.
            drain()
        }
        return try state.withLock { state throws(KernelError) -> Reply in
            if state.isEnded { throw KernelError(call: "sendmsg", errno: .brokenPipe, subject: "process 1 has ended") }
            state.serial &+= 1
            if state.serial == 0 { state.serial = 1 }
            var frame = frame
            frame.serial = state.serial
            try state.socket.send(frame.encoded, descriptors: descriptors)
            while true {
                guard try state.socket.waitReadable(milliseconds: InitConnection.replyMillisecondsMax) else {
                    throw KernelError(call: "recvmsg", errno: .timedOut, subject: "process 1 does not answer")
                }
                let message = try state.socket.receive(limit: InitConnection.messageBytesMax)
                guard let (answer, body) = InitConnection.split(message.bytes) else {
                    for descriptor in message.descriptors { _ = Descriptor(owning: descriptor) }
                    throw KernelError(call: "recvmsg", errno: .connectionReset, subject: "process 1 has ended")
                }
                if answer.serial == state.serial {
                    return Reply(frame: answer, body: body, descriptors: message.descriptors)
                }
                for descriptor in message.descriptors { _ = Descriptor(owning: descriptor) }
                if let event = InitConnection.exit(answer, body) { events.append(event) }
            }
        }
    }

    /// Takes events in without blocking; call it when the socket is readable. A request in progress takes them itself.
    public func drain() {
        var events: [ExitRecord] = []
        var hasEnded = false
        _ = state.withLockIfAvailable { state in
            while !state.isEnded, (try? state.socket.waitReadable(milliseconds: 0)) == true {
                guard let message = try? state.socket.receive(limit: InitConnection.messageBytesMax),
                    let (frame, body) = InitConnection.split(message.bytes)
                else {
                    state.isEnded = true
                    hasEnded = true
                    return
                }
                for descriptor in message.descriptors { _ = Descriptor(owning: descriptor) }
                if let event = InitConnection.exit(frame, body) { events.append(event) }
            }
        }
        for event in events { onExit(event) }
        if hasEnded { onEnd() }
    }

    private static func split(_ bytes: [UInt8]) -> (InitFrame, [UInt8])? {
        var reader = WireReader(bytes)
        guard let frame = InitFrame(&reader) else { return nil }
        return (frame, Array(bytes.dropFirst(InitFrame.bytes)))
    }

    private static func exit(_ frame: InitFrame, _ body: [UInt8]) -> ExitRecord? {
        guard frame.kind == UInt16(APRON_EXITED.rawValue), body.count == ExitRecord.bytes else { return nil }
        var reader = WireReader(body)
        return ExitRecord(&reader)
    }
}

extension InitConnection.Reply {
    /// The stamped steps that came with the answer.
    var records: [StepRecord] {
        var reader = WireReader(body)
        var records: [StepRecord] = []
        while reader.remaining >= StepRecord.bytes { records.append(StepRecord(&reader)) }
        return records
    }

    /// The failure that the answer tells of, if any.
    func failure(subject: (Int) -> String?) -> InitConnection.Failure? {
        guard frame.error != 0 else { return nil }
        let step = Int(frame.step)
        return InitConnection.Failure(
            error: KernelError(
                call: callName(Int(frame.call)), errno: ErrorNumber(rawValue: frame.error), subject: subject(step)),
            step: step, records: records)
    }
}

/// The system call's name for a number of `enum apron_call`, in the enum's order.
func callName(_ code: Int) -> String {
    let names = [
        "request", "openat2", "mkdirat", "move_mount", "fsopen", "fsconfig", "fsmount", "open_tree", "mount_setattr",
        "mount", "fchdir", "pivot_root", "umount2", "chdir", "unshare", "sethostname", "setresuid", "setresgid",
        "setgroups", "prctl", "socket", "send", "recv", "netlink", "mmap", "clone3", "setsid", "ioctl", "dup2",
        "setrlimit", "fchown", "capset", "seccomp", "execve", "getcwd", "close_range", "plan", "symlinkat", "stat",
    ]
    return names.indices.contains(code) ? names[code] : "call \(code)"
}
