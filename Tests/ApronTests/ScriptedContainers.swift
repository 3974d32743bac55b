import Kernel
import Synchronization
import Telemetry
import Worker

/// Containers whose only program follows a script; streams are real sockets.
final class ScriptedContainers: Containers {
    enum Script: Sendable {
        /// Writes to its output what it reads; ends with its input.
        case echo(exit: Int32)
        /// Is not there.
        case missing
        /// Cannot be waited for, and never ends by itself.
        case lost
        /// Ignores all signals but SIGKILL.
        case deaf
        /// Writes for ever; ends by SIGPIPE.
        case chatter
    }

    typealias Hook = @Sendable () async -> Void

    private struct State {
        var calls: [String] = []
        var onCreate: Hook?
        var onRun: Hook?
        var onSignal: Hook?
    }

    let script: Script
    private let state = Mutex(State())
    private let bytes = AsyncStream.makeStream(of: [UInt8].self)
    private let exit = AsyncStream.makeStream(of: Int32.self)
    private let isEnded = Atomic(false)

    init(_ script: Script) { self.script = script }

    /// What was asked, in order.
    var calls: [String] { state.withLock { $0.calls } }

    func onCreate(_ hook: @escaping Hook) { state.withLock { $0.onCreate = hook } }
    func onRun(_ hook: @escaping Hook) { state.withLock { $0.onRun = hook } }
    func onSignal(_ hook: @escaping Hook) { state.withLock { $0.onSignal = hook } }

    fileprivate func note(_ call: String) { state.withLock { $0.calls.append(call) } }

    fileprivate func end(_ code: Int32) {
        isEnded.store(true, ordering: .releasing)
        exit.continuation.yield(code)
        exit.continuation.finish()
        bytes.continuation.finish()
    }

    func create(_ request: ContainerRequest) async throws -> String {
        note("create")
        await state.withLock { $0.onCreate }?()
        return "h"
    }

    func destroy(_ handle: String) async throws { note("destroy") }

    func stop(_ handle: String, kill: Bool) async throws {
        note(kill ? "kill" : "stop")
        end(137)
    }

    func run(_ handle: String, _ request: ProcessRequest) async throws -> any ProcessAttachment {
        if case .missing = script { throw WorkerError(.executableNotFound, "no such program") }
        note("run")
        await state.withLock { $0.onRun }?()
        return Attachment(self)
    }

    func stream(
        _ kind: OutputKind, of handle: String, _ processID: String, streamID: String, to socket: consuming Descriptor,
        after head: [UInt8]
    ) async throws {
        if kind == .stderr { return }
        let stream = StandardStream(number: socket.number)
        try stream.write(head)
        if case .chatter = script {
            while !isEnded.load(ordering: .acquiring) { try stream.write("more\n") }
        } else {
            for await part in bytes.stream { try stream.write(part) }
        }
        // The end of the stream is the end of the socket, which therefore must last until here.
        _ = consume socket
    }

    private final class Attachment: ProcessAttachment {
        let processID = "p"
        let streamID = "1"
        private let containers: ScriptedContainers

        init(_ containers: ScriptedContainers) { self.containers = containers }

        func wait() async throws -> Int32 {
            if case .lost = containers.script { throw WorkerError(.failed, "process 1 has died") }
            for await code in containers.exit.stream { return code }
            throw WorkerError(.failed, "waited twice")
        }

        func write(_ bytes: [UInt8]) async throws { containers.bytes.continuation.yield(bytes) }

        func closeInput() async throws {
            containers.note("closeInput")
            if case .echo(let code) = containers.script { containers.end(code) }
        }

        func resize(_ size: WindowSize) async throws { containers.note("resize \(size.columns)x\(size.rows)") }

        func signal(_ number: Int32) async throws {
            containers.note("signal \(number)")
            if case .chatter = containers.script { containers.end(128 + number) }
            await containers.state.withLock { $0.onSignal }?()
        }

        func detach(cleanly: Bool) async { containers.note("detach") }
    }

    // What a run never asks for.
    var maximum: Int { 0 }
    func traceContext(of handle: String) async -> TraceContext? { nil }
    func check(_ handle: String) throws {}
    func list(_ properties: [String: String]) async throws -> [String] { [] }
    func info(_ handle: String) async throws -> ContainerInfo { ContainerInfo() }
    func properties(_ handle: String) async throws -> [String: String] { [:] }
    func property(_ handle: String, _ key: String) async throws -> String? { nil }
    func setProperty(_ handle: String, _ key: String, to value: String) async throws {}
    func removeProperty(_ handle: String, _ key: String) async throws {}
    func setGraceTime(_ handle: String, nanoseconds: UInt64) async throws {}
    func attach(_ handle: String, _ processID: String) async throws -> any ProcessAttachment { Attachment(self) }
}
