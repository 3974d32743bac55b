internal import Kernel
internal import Runtime
internal import Synchronization
internal import Telemetry

/// A program that runs or ran in a container, with its streams, its end and its span.
final class Program: Sendable {
    let definition: ProcessDefinition
    let stdout: OutputStream?
    let stderr: OutputStream?
    let input: InputStream?
    /// The terminal's master, if it runs on one.
    let terminal: SharedDescriptor?
    let end: ExitLatch
    let span: OpenSpan
    private let state = Mutex(State())

    private struct State {
        var attachments = 0
        var streamIDs: Set<String> = []
        var delivered: Set<OutputKind> = []
        var wasAnswered = false
    }

    init(
        _ definition: ProcessDefinition, stdout: OutputStream?, stderr: OutputStream?, input: InputStream?,
        terminal: SharedDescriptor?, span: OpenSpan, end: ExitLatch = ExitLatch()
    ) {
        self.definition = definition
        self.stdout = stdout
        self.stderr = stderr
        self.input = input
        self.terminal = terminal
        self.span = span
        self.end = end
    }

    var id: String { definition.id }
    var isRunning: Bool { end.result == nil }

    /// A new name for a client's hold, good for the stdout and stderr routes.
    func makeStreamID() -> String {
        state.withLock { state in
            state.attachments += 1
            let id = "\(state.attachments)"
            state.streamIDs.insert(id)
            return id
        }
    }

    /// A client has had the reply to its run; from then on the id is taken.
    var wasAnswered: Bool { state.withLock { $0.wasAnswered } }

    func noteAnswered() { state.withLock { $0.wasAnswered = true } }

    func knows(streamID: String) -> Bool { state.withLock { $0.streamIDs.contains(streamID) } }

    func output(_ kind: OutputKind) -> OutputStream? { kind == .stdout ? stdout : stderr }

    /// Bytes of all its output that nobody has had yet.
    func unread() async -> UInt64 {
        let (stdout, stderr) = (await stdout?.unread(), await stderr?.unread())
        return (stdout ?? 0) + (stderr ?? 0)
    }

    /// Notes that a client had all of a stream; true once that holds for every stream of an ended program.
    func noteDelivered(_ kind: OutputKind) -> Bool {
        let hasEnded = !isRunning
        return state.withLock { state in
            state.delivered.insert(kind)
            return hasEnded && state.delivered.contains(.stdout) && (stderr == nil || state.delivered.contains(.stderr))
        }
    }

    /// The program has ended: what its pipes hold is the rest.
    func finish(_ result: Result<Int32, WorkerError>) {
        stdout?.finish()
        stderr?.finish()
        input?.close()
        end.set(result)
    }

    /// Lets go of everything; with `removing` its spooled output goes, too.
    func close(removing: Bool) {
        for stream in [stdout, stderr] {
            if removing { stream?.close() } else { stream?.release() }
        }
        input?.close()
    }
}
