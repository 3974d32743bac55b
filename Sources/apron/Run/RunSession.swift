internal import Kernel
internal import Logging
internal import Synchronization
internal import UnixSignals
internal import Worker

/// One `apron run`: makes a container, runs a program in it with our own streams, and removes the container whatever
/// happened.
struct RunSession: Sendable {
    /// What makes containers.
    let containers: any Containers
    /// What the process reads.
    let input: StandardStream
    /// Where the process's output goes.
    let output: StandardStream
    /// Where the process's errors go.
    let error: StandardStream
    /// Signals that this process gets.
    let signals: any AsyncSequence<UnixSignal, Never> & Sendable
    let logger: Logger
    /// Puts our terminal into raw mode once the program runs; nil leaves it alone.
    var usesTerminal = false

    /// Added to a signal's number it makes an exit code, as shells have it.
    private static let signalExitBase: Int32 = 128

    /// Runs the program to its end.
    /// - Returns: its exit code, or 128 + signal
    /// - Throws: what making the container or starting the program said. The container is gone in any case, unless
    ///   its removal failed, which is logged.
    func run(_ container: ContainerRequest, _ process: ProcessRequest) async throws -> Int32 {
        let forwarding = SignalForwarding(containers: containers)
        let listener = Task { [signals, output] in
            for await signal in signals { await forwarding.take(signal, size: output.windowSize) }
        }
        defer { listener.cancel() }

        let handle = try await containers.create(container)
        let result: Result<Int32, any Error>
        do {
            result = .success(try await attend(handle, process, forwarding))
        } catch {
            result = .failure(error)
        }
        do { try await containers.destroy(handle) } catch {
            logger.error("container is left behind", error: error, metadata: ["container.id": "\(handle)"])
        }
        return try result.get()
    }

    private func attend(
        _ handle: String, _ process: ProcessRequest, _ forwarding: SignalForwarding
    ) async throws -> Int32 {
        if let signal = forwarding.pending { return Self.signalExitBase + signal }
        let attachment = try await containers.run(handle, process)
        let terminal = usesTerminal ? try TerminalMode(raw: input) : nil
        defer { terminal?.restore() }
        // Whatever came while the program was being started is for the program.
        await forwarding.begin(attachment, in: handle)

        let pump = try InputPump(input)
        let inputTask = Task { await pump.run(to: attachment) }
        let outputTask = Task { try await copyOutput(of: attachment, in: handle, onTerminal: process.terminal != nil) }
        let result: Result<Int32, any Error>
        do { result = .success(try await attachment.wait()) } catch { result = .failure(error) }
        pump.stop()
        // When waiting failed the streams may never end by themselves; stopping the container ends them.
        if case .failure = result { try? await containers.stop(handle, kill: true) }
        do { try await outputTask.value } catch {
            logger.error("output was cut off", error: error, metadata: ["container.id": "\(handle)"])
        }
        inputTask.cancel()
        await attachment.detach(cleanly: true)
        return try result.get()
    }

    private func copyOutput(
        of attachment: any ProcessAttachment, in handle: String, onTerminal: Bool
    ) async throws {
        // As a program whose reader has gone would get it.
        let onBroken: @Sendable () -> Void = { Task { try? await attachment.signal(UnixSignal.sigpipe.rawValue) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await OutputCopy.copy(
                    .stdout, of: attachment, in: handle, containers: containers, to: output, onBroken: onBroken)
            }
            if !onTerminal {
                group.addTask {
                    try await OutputCopy.copy(
                        .stderr, of: attachment, in: handle, containers: containers, to: error, onBroken: onBroken)
                }
            }
            try await group.waitForAll()
        }
    }
}

extension StandardStream {
    /// The terminal's size as the worker wants it.
    var windowSize: WindowSize? { terminalSize.map { WindowSize(columns: $0.columns, rows: $0.rows) } }
}
