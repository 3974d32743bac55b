public import Kernel
internal import Synchronization

/// A process that packs or unpacks one archive, confined to one directory (see `ApronArchive`).
///
/// The stream goes through a pipe whose end the daemon takes by ``takePipe()``. Everything here blocks but that,
/// ``kill()`` and starting it, and is to be called on threads that may. When the last reference goes, the process is
/// killed.
public final class ArchiveProcess: Sendable {
    /// When it was started, on the clock of ``bootTime()``.
    public let startedAt: UInt64
    private let child: ChildProcess
    private let reportPipe: SharedDescriptor
    private let pipe: Mutex<Descriptor?>
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var reports: ArchiveReports
        var hasEnded = false
    }

    /// As much as an ordinary user may ask for (`/proc/sys/fs/pipe-max-size`): fewer wake-ups for large streams.
    private static let pipeBytes = 1 << 20

    /// Starts to unpack.
    /// - Parameters:
    ///   - program: the executable, `ApronArchive`
    ///   - target: the root of the mount to unpack into; the process never leaves it
    ///   - path: a directory beneath it, which is made when it is missing
    ///   - encoding: `gzip`, `zstd`, `s2`, `raw`, or `auto` to tell by the first bytes, which takes xz and bzip2 as well
    ///   - userNamespace: whose ids the archive speaks of; nil for the host's
    ///   - isPrivileged: device nodes are made
    public static func unpack(
        program: SharedDescriptor, into target: borrowing Descriptor, path: String, encoding: String,
        userNamespace: SharedDescriptor?, isPrivileged: Bool
    ) throws(KernelError) -> ArchiveProcess {
        var arguments = ["unpack", "--encoding", encoding, "--path", path]
        if isPrivileged { arguments.append("--privileged") }
        let stream = try Pipe()
        return try ArchiveProcess(
            program, arguments, target, userNamespace, childEnd: stream.reader.duplicate(),
            ownEnd: stream.writer.duplicate(), isInput: true)
    }

    /// Starts to pack the directory or file at a path.
    ///
    /// The parameters are those of ``unpack(program:into:path:encoding:userNamespace:isPrivileged:)``.
    /// - Parameter level: how hard to compress; nil for the fastest
    public static func pack(
        program: SharedDescriptor, from source: borrowing Descriptor, path: String, encoding: String,
        userNamespace: SharedDescriptor?, level: Int? = nil
    ) throws(KernelError) -> ArchiveProcess {
        var arguments = ["pack", "--encoding", encoding, "--path", path]
        if let level { arguments += ["--level", "\(level)"] }
        let stream = try Pipe()
        return try ArchiveProcess(
            program, arguments, source, userNamespace, childEnd: stream.writer.duplicate(),
            ownEnd: stream.reader.duplicate(), isInput: false)
    }

    private init(
        _ program: SharedDescriptor, _ arguments: [String], _ root: borrowing Descriptor,
        _ userNamespace: SharedDescriptor?, childEnd: consuming Descriptor, ownEnd: consuming Descriptor, isInput: Bool
    ) throws(KernelError) {
        let null = try KernelFile.open("/dev/null", writable: !isInput)
        let report = try Pipe()
        var arguments = ["apron-archive"] + arguments
        if userNamespace != nil { arguments.append("--namespace") }
        let ends = isInput ? [childEnd.number, null.number] : [null.number, childEnd.number]
        let numbers = ends + [StandardStream.error.number, root.number, report.writer.number]
        let all = numbers + (userNamespace.map { [$0.number] } ?? [])
        // All that may fail comes before the process: nobody would end and reap it.
        let shared = SharedDescriptor(ownEnd)
        // A smaller pipe is no failure: the user's allowance may be used up.
        _ = try? shared.setPipeCapacity(ArchiveProcess.pipeBytes)
        let own = try shared.with { (descriptor) throws(KernelError) in try descriptor.duplicate() }
        try own.setNonBlocking(true)
        startedAt = bootTime()
        child = try program.with { (program) throws(KernelError) in
            try ChildProcess.start(
                program: program, arguments: arguments, namespaces: [], descriptors: all, keepsCapabilities: false)
        }
        pipe = Mutex(own)
        let reader = report.releaseReader()
        reportPipe = reader
        state = Mutex(State(reports: ArchiveReports(StandardStream(number: reader.number))))
    }

    deinit {
        let hasEnded = state.withLock { $0.hasEnded }
        guard !hasEnded else { return }
        _ = try? child.signal(9)
        try? child.wait()
    }

    /// The daemon's end of the stream, non-blocking; once. To end an archive that is unpacked, close it.
    public func takePipe() -> Descriptor? {
        pipe.withLock { pipe in
            let taken = pipe.take()
            return taken
        }
    }

    /// Waits until the path was found and opened, so that the stream may be promised to somebody.
    public func waitUntilReady() throws(ArchiveFailure) {
        try state.withLock { (state) throws(ArchiveFailure) in
            let isThere: Bool
            do throws(KernelError) { isThere = try state.reports.readUntilReady() } catch {
                throw ArchiveFailure(.failed, "\(error)", cause: error)
            }
            if !isThere { throw lost(&state) }
            if !state.reports.isReady, case .failure(let failure)? = state.reports.result { throw failure }
        }
    }

    /// Waits for the end. The stream's end must be taken and closed before, or by somebody else.
    public func wait() throws(ArchiveFailure) -> ArchiveOutcome {
        try state.withLock { (state) throws(ArchiveFailure) in
            let isThere: Bool
            do throws(KernelError) { isThere = try state.reports.readUntilResult() } catch {
                throw ArchiveFailure(.failed, "\(error)", cause: error)
            }
            guard isThere, let result = state.reports.result else { throw lost(&state) }
            // It has nothing more to do; one that was taken over is not waited for.
            _ = try? child.signal(9)
            _ = end(&state)
            return try result.get()
        }
    }

    /// Ends the process at once, from any thread.
    public func kill() { _ = try? child.signal(9) }

    /// What is known when the process ended, or closed the pipe, without a result.
    private func lost(_ state: inout State) -> ArchiveFailure {
        _ = try? child.signal(9)
        let how =
            switch end(&state) {
            case .signal(9): "was killed"
            case .signal(let number): "was ended by signal \(number)"
            case .status(let status): "ended with status \(status) and no result"
            case .unknown: "ended without a result"
            }
        return ArchiveFailure(.failed, "the archive process \(how)", outcome: state.reports.outcome)
    }

    private func end(_ state: inout State) -> ChildProcess.Ending {
        if state.hasEnded { return .unknown }
        state.hasEnded = true
        return (try? child.waitForEnding()) ?? .unknown
    }
}
