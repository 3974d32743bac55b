internal import Kernel
internal import Runtime
internal import Synchronization
internal import Telemetry

/// Starts a program in a container, or takes one over that an earlier worker started.
struct ProgramStart {
    let container: Container
    let kernel: ContainerKernel
    let key: UInt32
    let request: ProcessRequest

    private var facilities: Facilities { container.facilities }

    /// Resolves, spawns and registers the program.
    func run(_ span: PhaseSpan) throws -> Program {
        var request = request
        if request.id == nil { request.id = makeIdentifier() }
        let id = request.id ?? "\(key)"
        span.set("apron.process.id", id)
        var plan = try resolve(request)

        let processSpan = startSpan(plan, id, startedBy: span.context)
        if facilities.settings.passesProcessSpan {
            plan.environment = EnvironmentCarrier.replacingContext(in: plan.environment, by: processSpan)
        }
        var definition = ProcessDefinition(
            key: key, request: request, span: processSpan.isRecording ? processSpan.stored : nil)
        try container.files.write(definition)
        do {
            let program = try spawn(plan, &definition, processSpan)
            container.programs.insert(program)
            return program
        } catch {
            let error = explained(error, plan)
            processSpan.fail(error)
            processSpan.end()
            // It may run already, when it was its streams that failed: what nobody can attach to must not live.
            try? kernel.process.signal(9, to: key)
            try? container.files.remove(process: key)
            throw error
        }
    }

    private func resolve(_ request: ProcessRequest) throws -> ProgramPlan {
        let (capabilities, filter) = try facilities.confinement(of: container.definition.request)
        let root = try kernel.process.root()
        let resolution = ProgramResolution(
            compatibility: facilities.settings.compatibility,
            surroundings: ProgramResolution.Surroundings(
                environment: container.definition.request.environment, accounts: Accounts(root: root),
                capabilities: capabilities, filter: filter,
                ownsCgroupNamespace: !facilities.isFullyPrivileged(container.definition.request)))
        return try resolution.resolve(request)
    }

    private func startSpan(_ plan: ProgramPlan, _ id: String, startedBy: TraceContext?) -> OpenSpan {
        let parent = container.definition.context ?? startedBy
        let links = startedBy.map { [Link($0, type: "started_by")] } ?? []
        let span = Telemetry.start(.process, parent: parent, links: links, handle: container.handle)
        span.set { attributes in
            attributes.set("apron.process.id", id)
            attributes.set(
                "process.executable.name", plan.arguments.first.map { String($0.split(separator: "/").last ?? "") })
            attributes.set("process.interactive", plan.terminal != nil)
            attributes.set("process.user.id", Int64(plan.uid))
        }
        return span
    }

    private func spawn(
        _ plan: ProgramPlan, _ definition: inout ProcessDefinition, _ span: OpenSpan
    ) throws -> Program {
        let output = try Pipe()
        if plan.terminal != nil {
            let spawned = try kernel.process.spawn(
                plan, key: key,
                streams: .terminal(outputWrite: output.writer.number, outputRead: output.reader.number),
                spans: facilities.stepSpans)
            try kernel.watch(with: facilities.pump)
            span.set("process.vpid", Int64(spawned.pid))
            return try makeProgram(
                definition, stdout: output.releaseReader(), stderr: nil, input: nil,
                terminal: spawned.releaseTerminal(), span)
        }
        let input = try Pipe()
        let error = try Pipe()
        let spawned = try kernel.process.spawn(
            plan, key: key,
            streams: .pipes(
                stdinRead: input.reader.number, stdinWrite: input.writer.number, stdoutWrite: output.writer.number,
                stdoutRead: output.reader.number, stderrWrite: error.writer.number, stderrRead: error.reader.number),
            spans: facilities.stepSpans)
        try kernel.watch(with: facilities.pump)
        span.set("process.vpid", Int64(spawned.pid))
        return try makeProgram(
            definition, stdout: output.releaseReader(), stderr: error.releaseReader(), input: input.releaseWriter(),
            terminal: nil, span)
    }

    /// Puts the streams around a program that runs or has run.
    func makeProgram(
        _ definition: ProcessDefinition, stdout: SharedDescriptor?, stderr: SharedDescriptor?, input: SharedDescriptor?,
        terminal: SharedDescriptor?, _ span: OpenSpan
    ) throws -> Program {
        let (pump, process, key) = (facilities.pump, kernel.process, definition.key)
        let spools = try container.files.processes.shared()
        func stream(_ pipe: SharedDescriptor?, _ kind: OutputKind) throws -> OutputStream? {
            guard let pipe else { return nil }
            return try OutputStream(
                pipe: pipe, spool: SpoolLocation(directory: spools, name: "\(key).\(kind.rawValue)"), pump: pump
            ) { error in
                span.event("output_refused", attributes: [Attribute("error", .string("\(error)"))])
            }
        }
        let (written, end) = (terminal ?? input, ExitLatch())
        let inputStream = try written.map {
            // Weak: what process 1 reports reaches its programs, so that this would be a circle.
            try InputStream($0, pump: pump) { [weak process] in
                // Process 1 has the other end that keeps standard input open, as long as the program runs.
                guard end.result == nil else { return }
                BlockingExecutor.shared.perform { [weak process] in try? process?.closeInput(of: key) }
            }
        }
        return Program(
            definition, stdout: try stream(stdout, .stdout), stderr: try stream(stderr, .stderr), input: inputStream,
            terminal: terminal, span: span, end: end)
    }

    /// The error for the client: which program, which step, why.
    private func explained(_ error: any Error, _ plan: ProgramPlan) -> any Error {
        guard let failure = error as? InitConnection.Failure else { return error }
        let program = request.path
        let isMissing = failure.error.errno == .noEntry || failure.error.errno == .notDirectory
        if programStepName(failure.step) == "exec", isMissing {
            let text =
                program.contains("/")
                ? "exec: \"\(program)\": stat \(program): no such file or directory"
                : "exec: \"\(program)\": executable file not found in $PATH"
            return WorkerError(.executableNotFound, text, handle: container.handle, cause: failure.error)
        }
        return WorkerError(
            .failed, "unable to start process \"\(program)\" (\(programStepName(failure.step))): \(failure.error)",
            handle: container.handle, processID: request.id, cause: failure.error)
    }
}

/// A random identifier in the form of a version 4 UUID (RFC 9562).
func makeIdentifier() -> String {
    var digits = [UInt8]()
    for _ in 0..<2 {
        var word = UInt64.random(in: .min ... .max)
        for _ in 0..<8 {
            digits.append(UInt8(truncatingIfNeeded: word))
            word >>= 8
        }
    }
    digits[6] = digits[6] & 0x0f | 0x40
    digits[8] = digits[8] & 0x3f | 0x80
    let hex = digits.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    var text = ""
    for (index, character) in hex.enumerated() {
        if [8, 12, 16, 20].contains(index) { text.append("-") }
        text.append(character)
    }
    return text
}
