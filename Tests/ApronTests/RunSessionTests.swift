import Kernel
import Logging
import Synchronization
import Testing
import UnixSignals
import Worker

@testable import apron

/// Our ends of a run's streams in a test.
private final class Ends: Sendable {
    let input: SharedDescriptor
    let inputWriter: Mutex<SharedDescriptor?>
    let output: SharedDescriptor
    let outputReader: Mutex<SharedDescriptor?>

    init() throws {
        let toProgram = try SocketPair().release()
        let fromProgram = try SocketPair().release()
        input = SharedDescriptor(Descriptor(owning: toProgram.near))
        inputWriter = Mutex(SharedDescriptor(Descriptor(owning: toProgram.far)))
        outputReader = Mutex(SharedDescriptor(Descriptor(owning: fromProgram.near)))
        output = SharedDescriptor(Descriptor(owning: fromProgram.far))
    }

    /// Writes to the run's standard input on a thread of its own, then closes it.
    func send(_ bytes: [UInt8]) throws {
        let writer = try #require(inputWriter.withLock { $0.take() })
        try startThread(named: "test-writer") {
            defer { withExtendedLifetime(writer) {} }
            try? StandardStream(number: writer.number).write(bytes)
        }
    }

    /// Reads that many bytes of the run's output on a thread of its own.
    func receive(_ count: Int) throws -> AsyncStream<[UInt8]> {
        let reader = try #require(outputReader.withLock { $0.take() })
        let (parts, sink) = AsyncStream.makeStream(of: [UInt8].self)
        try startThread(named: "test-reader") {
            var left = count
            defer { withExtendedLifetime(reader) {} }
            while left > 0, let part = try? StandardStream(number: reader.number).read(atMost: left), !part.isEmpty {
                left -= part.count
                sink.yield(part)
            }
            sink.finish()
        }
        return parts
    }
}

@Suite struct RunSessionTests {
    private func run(
        _ containers: ScriptedContainers, _ ends: Ends, signals: AsyncStream<UnixSignal> = AsyncStream { $0.finish() },
        terminal: WindowSize? = nil
    ) async throws -> Int32 {
        // A stream is a number; the descriptors must outlive its use.
        defer { withExtendedLifetime(ends) {} }
        let session = RunSession(
            containers: containers, input: StandardStream(number: ends.input.number),
            output: StandardStream(number: ends.output.number), error: StandardStream(number: ends.output.number),
            signals: signals, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var process = ProcessRequest()
        process.terminal = terminal
        return try await session.run(ContainerRequest(), process)
    }

    @Test func inputAndOutputArePassedThrough() async throws {
        let containers = ScriptedContainers(.echo(exit: 7))
        let ends = try Ends()
        // More than sockets hold, so that both directions have to wait for each other.
        let sent = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try ends.send(sent)
        let received = try ends.receive(sent.count)
        let code = try await run(containers, ends)
        var all: [UInt8] = []
        for await part in received { all += part }
        #expect(code == 7)
        #expect(all == sent)
        #expect(containers.calls == ["create", "run", "closeInput", "detach", "destroy"])
    }

    @Test func containerIsRemovedWhenTheProgramCannotStart() async throws {
        let containers = ScriptedContainers(.missing)
        let ends = try Ends()
        await #expect(throws: WorkerError.self) { _ = try await run(containers, ends) }
        #expect(containers.calls == ["create", "destroy"])
    }

    @Test func containerIsRemovedWhenWaitingFails() async throws {
        let containers = ScriptedContainers(.lost)
        let ends = try Ends()
        await #expect(throws: WorkerError.self) { _ = try await run(containers, ends) }
        #expect(containers.calls == ["create", "run", "kill", "detach", "destroy"])
    }

    @Test func firstSignalIsForwardedTheSecondKills() async throws {
        let containers = ScriptedContainers(.deaf)
        let ends = try Ends()
        let (signals, sender) = AsyncStream.makeStream(of: UnixSignal.self)
        containers.onRun { sender.yield(.sigint) }
        containers.onSignal { sender.yield(.sigterm) }
        #expect(try await run(containers, ends, signals: signals) == 137)
        #expect(containers.calls == ["create", "run", "signal 2", "kill", "detach", "destroy"])
    }

    @Test func signalBeforeTheProgramPreventsIt() async throws {
        let containers = ScriptedContainers(.deaf)
        let ends = try Ends()
        let (taken, sink) = AsyncStream.makeStream(of: Never.self)
        let asked = Atomic(0)
        // The second signal is asked for when the first has been taken; only then the container is there.
        let signals = AsyncStream<UnixSignal>(unfolding: {
            if asked.add(1, ordering: .relaxed).newValue == 1 { return .sigterm }
            sink.finish()
            return nil
        })
        containers.onCreate { for await _ in taken {} }
        #expect(try await run(containers, ends, signals: signals) == 143)
        #expect(containers.calls == ["create", "destroy"])
    }

    @Test func programWithoutReaderGetsBrokenPipe() async throws {
        let containers = ScriptedContainers(.chatter)
        let ends = try Ends()
        ends.outputReader.withLock { $0 = nil }
        #expect(try await run(containers, ends) == 141)
        #expect(containers.calls == ["create", "run", "signal 13", "detach", "destroy"])
    }

    @Test(.timeLimit(.minutes(1))) func rawModeIsRestored() throws {
        let terminal = SharedDescriptor(try Descriptor(opening: "/dev/ptmx", [.readWrite, .noControllingTerminal]))
        defer { withExtendedLifetime(terminal) {} }
        let stream = StandardStream(number: terminal.number)
        #expect(stream.isTerminal)
        #expect(stream.terminalSize == nil)
        let mode = try TerminalMode(raw: stream)
        mode.restore()
        mode.restore()
        // Echo is one of the things that raw mode takes away.
        try stream.write("b")
        #expect(try stream.read(atMost: 16) == Array("b".utf8))
        let socket = try SocketPair().release()
        let other = SharedDescriptor(Descriptor(owning: socket.near))
        defer { withExtendedLifetime(other) {} }
        _ = Descriptor(owning: socket.far)
        #expect(!StandardStream(number: other.number).isTerminal)
        #expect(throws: KernelError.self) { _ = try TerminalMode(raw: StandardStream(number: other.number)) }
    }
}
