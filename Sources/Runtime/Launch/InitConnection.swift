internal import InitProtocol
public import Kernel
internal import Synchronization

/// The daemon's end of the conversation with one container's process 1.
///
/// Requests are answered one at a time and block; events arrive in between or when the owner of the poll loop calls
/// ``drain()``. What process 1 says is untrusted: lengths and numbers are checked, nothing is indexed by them.
public final class InitConnection: Sendable {
    /// A reply takes as long as the step it answers; a process 1 that is silent for longer is taken for dead.
    public static let replyMillisecondsMax: Int32 = 60_000
    /// The largest message: a reply with all its step records.
    private static let messageBytesMax = InitFrame.bytes + Int(APRON_RECORDS_MAX) * StepRecord.bytes
    /// More events at a time than programs can end; whoever sends more is not our process 1.
    private static let eventsMax = 65_536

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
        let descriptors: ReceivedDescriptors
    }

    private struct State: ~Copyable {
        let socket: SequencedSocket
        var serial: UInt32 = 0
        var isEnded = false

        /// Never nought, which is an event's.
        mutating func nextSerial() -> UInt32 {
            serial = serial == .max ? 1 : serial + 1
            return serial
        }
    }

    private let state: Mutex<State>
    /// Events may wait.
    private let isDue = Atomic<Bool>(false)
    private let number: Int32
    private let onExit: @Sendable (ExitRecord) -> Void
    private let onEnd: @Sendable () -> Void
    private let patience: Int32

    /// Connects to process 1.
    /// - Parameters:
    ///   - onExit: called for each program's end, on whichever thread received it; must not block
    ///   - onEnd: called once when process 1 is gone
    ///   - patience: how long a reply may take, in milliseconds
    public init(
        name: String, in directory: Directory, patience: Int32 = InitConnection.replyMillisecondsMax,
        onExit: @escaping @Sendable (ExitRecord) -> Void, onEnd: @escaping @Sendable () -> Void
    ) throws(KernelError) {
        let socket = try SequencedSocket.connect(to: name, in: directory)
        number = socket.descriptor.number
        state = Mutex(State(socket: socket))
        self.onExit = onExit
        self.onEnd = onEnd
        self.patience = patience
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
            var frame = frame
            frame.serial = state.nextSerial()
            try state.socket.send(frame.encoded, descriptors: descriptors)
            let deadline = bootTime() + UInt64(patience) * 1_000_000
            for _ in 0..<InitConnection.eventsMax {
                let now = bootTime()
                let rest = now < deadline ? Int32((deadline - now) / 1_000_000) : 0
                guard try state.socket.waitReadable(milliseconds: rest) else {
                    throw KernelError(call: "recvmsg", errno: .timedOut, subject: "process 1 does not answer")
                }
                let message = try state.socket.receive(limit: InitConnection.messageBytesMax)
                let received = ReceivedDescriptors(message.descriptors)
                guard let (answer, body) = InitConnection.split(message.bytes) else {
                    let isEnd = message.bytes.isEmpty
                    throw KernelError(
                        call: "recvmsg", errno: isEnd ? .connectionReset : .badMessage,
                        subject: isEnd ? "process 1 has ended" : "\(message.bytes.count) bytes from process 1")
                }
                if answer.serial == state.serial { return Reply(frame: answer, body: body, descriptors: received) }
                if let event = InitConnection.exit(answer, body) { events.append(event) }
            }
            throw KernelError(call: "recvmsg", errno: .badMessage, subject: "events without end from process 1")
        }
    }

    /// Sends a request whose answer nobody waits for; it is thrown away with the next thing that is received.
    func post(_ frame: InitFrame) throws(KernelError) {
        try state.withLock { state throws(KernelError) in
            if state.isEnded { throw KernelError(call: "sendmsg", errno: .brokenPipe, subject: "process 1 has ended") }
            var frame = frame
            frame.serial = state.nextSerial()
            try state.socket.send(frame.encoded)
        }
    }

    /// Takes events in without blocking; call it when the socket is readable. Whoever has the connection at that moment
    /// does it in our stead.
    public func drain() {
        isDue.store(true, ordering: .sequentiallyConsistent)
        // A holder looks at the mark after it has let go: so either it sees ours or we get the connection.
        while isDue.load(ordering: .sequentiallyConsistent) {
            guard let taken = state.withLockIfAvailable({ takeEvents(&$0) }) else { return }
            for event in taken.events { onExit(event) }
            if taken.hasEnded { onEnd() }
        }
    }

    private func takeEvents(_ state: inout State) -> (events: [ExitRecord], hasEnded: Bool) {
        isDue.store(false, ordering: .sequentiallyConsistent)
        var events: [ExitRecord] = []
        while !state.isEnded, (try? state.socket.waitReadable(milliseconds: 0)) == true {
            guard events.count < InitConnection.eventsMax, let (frame, body) = InitConnection.event(state.socket) else {
                state.isEnded = true
                return (events, true)
            }
            if let event = InitConnection.exit(frame, body) { events.append(event) }
        }
        return (events, false)
    }

    /// The next message without what came along; nil when it is none.
    private static func event(_ socket: borrowing SequencedSocket) -> (InitFrame, [UInt8])? {
        guard let message = try? socket.receive(limit: messageBytesMax) else { return nil }
        _ = ReceivedDescriptors(message.descriptors)
        return split(message.bytes)
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

extension ErrorNumber {
    fileprivate static let badMessage = ErrorNumber(rawValue: 74)
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
        "setpgid",
    ]
    return names.indices.contains(code) ? names[code] : "call \(code)"
}
