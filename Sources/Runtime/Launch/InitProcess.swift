internal import InitProtocol
public import Kernel
internal import Synchronization
internal import Telemetry

/// Process 1 of one container, as the daemon sees it: started here or found alive after a restart.
public final class InitProcess: Sendable {
    /// Names in the container's directory.
    public static let socketName = "init.sock"
    /// Exit records, appended by process 1.
    public static let ledgerName = "exits"

    /// What a spawn needs besides the program: ends of its streams, kept open by the caller until the reply.
    public enum Streams: Sendable {
        /// The program's ends and the ends that are kept, by number.
        case pipes(
            stdinRead: Int32, stdinWrite: Int32, stdoutWrite: Int32, stdoutRead: Int32, stderrWrite: Int32,
            stderrRead: Int32)
        /// Process 1 copies the terminal's output into this pipe.
        case terminal(outputWrite: Int32, outputRead: Int32)
    }

    /// A program that was started.
    public struct Spawned: ~Copyable, Sendable {
        /// Its number inside the container.
        public let pid: Int32
        /// The terminal's master side, if it has one.
        public let terminal: Descriptor?
        /// When its exec was seen, in nanoseconds of CLOCK_BOOTTIME.
        public let time: UInt64

        /// The terminal's master side; the caller owns it now.
        public consuming func releaseTerminal() -> SharedDescriptor? { SharedDescriptor.optional(terminal) }
    }

    /// The ends of an ended or running program's streams, as kept by process 1.
    public struct Adopted: ~Copyable, Sendable {
        /// Standard input's writing end, unless closed.
        public var stdin: Descriptor?
        /// Output's reading end.
        public var stdout: Descriptor?
        /// Error output's reading end.
        public var stderr: Descriptor?
        /// The terminal's master side.
        public var terminal: Descriptor?
    }

    /// A program that process 1 knows.
    public struct Known: Sendable, Hashable {
        /// The daemon's key.
        public let process: UInt32
        /// Number inside the container.
        public let pid: Int32
        /// Set once it ended and its output is complete in the pipes.
        public let exit: ExitRecord?
    }

    /// Programs of one container, running and ended, far more than its pipes could be kept open for.
    private static let knownMax = 65_536

    /// Number in the host's pid namespace.
    public let pid: Int32
    /// Its pidfd.
    public let descriptor: SharedDescriptor
    /// The conversation with it.
    public let connection: InitConnection
    private let oomScore: SharedDescriptor?
    private let spawns = Mutex(0)
    private let isChild: Bool

    /// Takes over a started or found process 1.
    init(pid: Int32, descriptor: consuming Descriptor, connection: InitConnection, isChild: Bool) {
        self.pid = pid
        self.descriptor = SharedDescriptor(descriptor)
        self.connection = connection
        self.isChild = isChild
        oomScore = try? SharedDescriptor(KernelFile.open("/proc/\(pid)/oom_score_adj", writable: true))
    }

    // MARK: the container

    /// Carries the plan out; the stamps become spans below the current one, from `begin` to the reply without a gap.
    public func setUp(_ plan: LaunchPlan, since begin: UInt64, spans: StepSpans) throws(KernelError) {
        let (document, descriptors) = plan.encoded()
        // The plan itself goes along.
        guard descriptors.count < APRON_DESCRIPTORS_MAX, plan.operations.count <= APRON_OPERATIONS_MAX else {
            throw KernelError(
                call: "sendmsg", errno: .tooBig,
                subject: "\(plan.operations.count) operations with \(descriptors.count) mounts; the most are "
                    + "\(APRON_OPERATIONS_MAX) and \(APRON_DESCRIPTORS_MAX - 1)")
        }
        let file = try Memfd.sealed("apron-plan", document)
        let reply = try connection.request(
            InitFrame(APRON_SETUP), descriptors: [file.descriptor.number] + descriptors)
        spans.record(setUp: reply.records, of: plan, since: begin, until: bootTime())
        if let failure = reply.failure(subject: plan.subject) { throw failure.error }
    }

    /// The container's root directory.
    /// - Throws: ENOENT or ESRCH when process 1 is gone
    public func root() throws(KernelError) -> Directory {
        let root = try Directory("/proc/\(pid)/root")
        let hasEnded = try descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            try waitForExit(of: pidfd, milliseconds: 0)
        }
        // Only while it lives is the number surely its own.
        if hasEnded { throw KernelError(call: "openat", errno: .noProcess, subject: "process 1 (pid \(pid))") }
        return root
    }

    // MARK: programs

    /// Starts a program under `key`.
    /// - Throws: ``InitConnection/Failure`` when a step failed, else ``KernelError``
    public func spawn(
        _ program: ProgramPlan, key: UInt32, streams: Streams, spans: StepSpans
    ) throws -> Spawned {
        let begin = bootTime()
        let file = try Memfd.sealed("apron-program", program.encoded())
        var numbers = [file.descriptor.number]
        switch streams {
        case .pipes(let stdinRead, let stdinWrite, let stdoutWrite, let stdoutRead, let stderrWrite, let stderrRead):
            numbers += [stdinRead, stdinWrite, stdoutWrite, stdoutRead, stderrWrite, stderrRead]
        case .terminal(let outputWrite, let outputRead): numbers += [outputWrite, outputRead]
        }
        let reply = try shieldingFromOutOfMemory { () throws(KernelError) in
            try connection.request(InitFrame(APRON_SPAWN, process: key), descriptors: numbers)
        }
        let end = bootTime()
        spans.record(spawn: reply.records, of: program, since: begin, until: end)
        if let failure = reply.failure(subject: { programSubject($0, program) }) { throw failure }
        return Spawned(
            pid: Int32(truncatingIfNeeded: reply.frame.arguments[0]),
            terminal: reply.descriptors.takeFirst(), time: end)
    }

    /// Sends a signal to a program, or with nil to every process of the container but process 1.
    public func signal(_ number: Int32, to key: UInt32?) throws(KernelError) {
        try simple(
            InitFrame(APRON_SIGNAL, process: key ?? 0, argument: UInt64(UInt32(bitPattern: number))), "kill")
    }

    /// Process 1 lets go of its end of a program's standard input.
    public func closeInput(of key: UInt32) throws(KernelError) {
        try simple(InitFrame(APRON_CLOSE_INPUT, process: key), "close")
    }

    /// Process 1 forgets an ended program, soon; nobody waits for that.
    public func forget(_ key: UInt32) throws(KernelError) {
        try connection.post(InitFrame(APRON_FORGET, process: key))
    }

    /// Every program that process 1 knows.
    public func list() throws(KernelError) -> [Known] {
        var known: [Known] = []
        while known.count < InitProcess.knownMax {
            let reply = try connection.request(InitFrame(APRON_LIST, argument: UInt64(known.count)))
            var reader = WireReader(reply.body)
            var count = 0
            while reader.remaining >= ProcessState.bytes {
                let state = ProcessState(&reader)
                known.append(
                    Known(
                        process: state.process, pid: Int32(truncatingIfNeeded: state.pid),
                        exit: state.hasEnded ? state.exit : nil))
                count += 1
            }
            if count == 0 { return known }
        }
        throw KernelError(call: "recvmsg", errno: .tooBig, subject: "programs without end from process 1")
    }

    /// The ends of a program's streams.
    public func adopt(_ key: UInt32) throws(KernelError) -> Adopted {
        let reply = try connection.request(InitFrame(APRON_ADOPT, process: key))
        let kept = UInt32(truncatingIfNeeded: reply.frame.arguments[0])
        func next(_ bit: apron_kept) -> Descriptor? {
            kept & bit.rawValue == 0 ? nil : reply.descriptors.takeFirst()
        }
        let stdin = next(APRON_KEEPS_STDIN)
        let stdout = next(APRON_KEEPS_STDOUT)
        let stderr = next(APRON_KEEPS_STDERR)
        let terminal = next(APRON_KEEPS_TERMINAL)
        if reply.frame.error != 0 {
            throw KernelError(call: "adopt", errno: ErrorNumber(rawValue: reply.frame.error), subject: "process \(key)")
        }
        return Adopted(stdin: stdin, stdout: stdout, stderr: stderr, terminal: terminal)
    }

    // MARK: the end

    /// Kills process 1, and with it every process of the container.
    public func kill() throws(KernelError) {
        try descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) in _ = try sendSignal(9, to: pidfd) }
    }

    /// Waits until process 1 is gone, at most `milliseconds`; false when the time is over. Reaps it if it is a child.
    public func waitForEnd(milliseconds: Int32) throws(KernelError) -> Bool {
        try descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) -> Bool in
            guard try waitForExit(of: pidfd, milliseconds: milliseconds) else { return false }
            if isChild { try reapChild(pidfd) }
            return true
        }
    }

    // Programs inherit process 1's score at their fork. While one is being started the score is raised, so that a full
    // memory cgroup kills programs and never process 1, even where lowering a score is not permitted (proc(5)).
    private func shieldingFromOutOfMemory<Result>(
        _ body: () throws(KernelError) -> Result
    ) throws(KernelError) -> Result {
        spawns.withLock { count in
            count += 1
            if count == 1 { setOutOfMemoryScore("200") }
        }
        defer {
            spawns.withLock { count in
                count -= 1
                if count == 0 { setOutOfMemoryScore("0") }
            }
        }
        return try body()
    }

    // Fails only when process 1 is gone, which the request itself will tell.
    private func setOutOfMemoryScore(_ score: String) {
        try? oomScore?.with { (file: borrowing Descriptor) throws(KernelError) in
            try KernelFile.write(score, to: file, subject: "oom_score_adj")
        }
    }

    private func simple(_ frame: InitFrame, _ call: String) throws(KernelError) {
        let reply = try connection.request(frame)
        if reply.frame.error != 0 {
            throw KernelError(call: call, errno: ErrorNumber(rawValue: reply.frame.error), subject: "pid \(pid)")
        }
    }
}

extension InitProcess {
    /// Starts process 1 of a new container in the container's directory and connects to it. It waits for its plan.
    /// - Parameters:
    ///   - map: ids of a new user namespace; nil for none
    ///   - cgroup: the container's groups; process 1 is born in them
    ///   - onExit: see ``InitConnection``
    ///   - onEnd: see ``InitConnection``
    public static func launch(
        image: InitImage, directory: Directory, map: IdentityMap?, cgroup: ContainerCgroup,
        onExit: @escaping @Sendable (ExitRecord) -> Void, onEnd: @escaping @Sendable () -> Void
    ) throws(KernelError) -> InitProcess {
        let null = try KernelFile.open("/dev/null")
        let ledger = try directory.openFile(ledgerName, [.writeOnly, .create, .append], mode: 0o600)
        let listener = try SequencedSocket.listen(in: directory, name: socketName)
        var namespaces: Namespaces = [.mount, .pid, .network, .hostName, .ipc]
        if map != nil { namespaces.insert(.user) }
        let wanted = namespaces
        let numbers = (listener.descriptor.number, ledger.number, null.number)
        let child = try cgroup.launch(pid: { (child: borrowing ChildProcess) in child.pid }) {
            (directory: Int32?) throws(KernelError) -> ChildProcess in
            try image.start(
                namespaces: wanted, listener: numbers.0, ledger: numbers.1, null: numbers.2, cgroup: directory)
        }
        do {
            if let map { try InitImage.write(map, for: child.pid) }
            let connection = try InitConnection(name: socketName, in: directory, onExit: onExit, onEnd: onEnd)
            let pid = child.pid
            return InitProcess(
                pid: pid, descriptor: try child.descriptor.duplicate(), connection: connection, isChild: true)
        } catch {
            try child.signal(9)
            try child.wait()
            throw error
        }
    }

    /// Finds process 1 of a container that an earlier worker started; nil when it is gone.
    /// - Parameter pid: its number then; taken for it only if it answers on the container's socket
    public static func find(
        pid: Int32, directory: Directory, onExit: @escaping @Sendable (ExitRecord) -> Void,
        onEnd: @escaping @Sendable () -> Void
    ) throws(KernelError) -> InitProcess? {
        let connection: InitConnection
        do {
            connection = try InitConnection(name: socketName, in: directory, onExit: onExit, onEnd: onEnd)
        } catch {
            if error.errno == .connectionRefused || error.errno == .noEntry { return nil }
            throw error
        }
        // The socket answers, so its listener lives, and with it the process that alone has it.
        guard let descriptor = try openProcess(pid) else { return nil }
        return InitProcess(pid: pid, descriptor: descriptor, connection: connection, isChild: false)
    }
}
