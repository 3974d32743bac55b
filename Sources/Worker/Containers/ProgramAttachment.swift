internal import Kernel
internal import Runtime
internal import Synchronization
internal import Telemetry

/// One client's hold on a program.
final class ProgramAttachment: ProcessAttachment {
    private let container: Container
    private let program: Program
    /// Ends with this hold; run has none, its span is the process's own.
    private let span: OpenSpan?
    let streamID: String

    var processID: String { program.id }

    init(_ program: Program, of container: Container, span: OpenSpan?) {
        self.container = container
        self.program = program
        self.span = span
        streamID = program.makeStreamID()
        // The idle time is counted while nobody holds a process's stream open.
        container.graceTime.beginUse()
    }

    deinit { span?.end() }

    func wait() async throws -> Int32 {
        // Waiting begins when the client knows the process: from now on a repeated run is another one's.
        program.noteAnswered()
        let code = try await program.end.wait()
        span?.end()
        return code
    }

    func write(_ bytes: [UInt8]) async throws {
        guard let input = program.input else { return }
        do { try await input.write(bytes) } catch {
            throw WorkerError(
                .failed, "standard input of process \(processID): \(error)", handle: container.handle,
                processID: processID, cause: error)
        }
    }

    func closeInput() async throws {
        // The end of input on a terminal is a character that its user types, never a closed connection.
        if program.terminal == nil { program.input?.close() }
    }

    func resize(_ size: WindowSize) async throws {
        guard let terminal = program.terminal else { return }
        try terminal.with { (master: borrowing Descriptor) throws(KernelError) in
            try setWindowSize(columns: size.columns, rows: size.rows, of: master)
        }
    }

    func signal(_ number: Int32) async throws {
        program.span.event("signal_sent", attributes: [Attribute("apron.signal", .int(Int64(number)))])
        try await container.signal(number, program)
    }

    func detach(cleanly: Bool) async {
        container.graceTime.endUse()
        if !cleanly {
            span?.event("client_disconnected")
            // A script that waits for the rest of its input must not wait for ever; during our own stop the client is
            // expected back.
            if program.terminal == nil, !container.facilities.isStopping { program.input?.close() }
        }
        span?.end()
    }
}
