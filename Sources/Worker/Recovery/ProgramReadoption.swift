internal import Kernel
internal import Runtime
internal import Telemetry

/// Takes a container's programs over from an earlier worker.
struct ProgramReadoption {
    let container: Container
    let kernel: ContainerKernel?
    /// What the ledger says, for programs that ended and for containers whose process 1 is gone.
    let exits: [UInt32: ExitRecord]

    func run(_ definitions: [ProcessDefinition]) throws {
        let known = Dictionary((try kernel?.process.list() ?? []).map { ($0.process, $0) }) { $1 }
        for definition in definitions {
            guard let kernel, let state = known[definition.key] else {
                try adoptEnded(definition)
                continue
            }
            let program = try adoptLiving(definition, kernel, hasEnded: state.exit != nil)
            container.programs.insert(program)
            program.noteAnswered()
            if let exit = state.exit { container.programs.ended(exit) }
        }
    }

    /// - Parameter hasEnded: whether the process is known to be over
    private func span(_ definition: ProcessDefinition, hasEnded: Bool) throws -> OpenSpan {
        let context = definition.span?.context ?? container.definition.context
        if let stored = definition.span {
            // Ended and sent, it is not sent again; but others still refer to it.
            return try container.files.hasToldSpan(process: definition.key)
                ? Telemetry.unrecorded(.process, in: context) : Telemetry.reopen(stored)
        }
        // Nobody recorded its begin.
        if hasEnded { return Telemetry.unrecorded(.process, in: context) }
        return Telemetry.start(.process, parent: container.definition.context, handle: container.handle)
    }

    /// Process 1 knows the program: its pipes come over with all that is in them.
    private func adoptLiving(
        _ definition: ProcessDefinition, _ kernel: ContainerKernel, hasEnded: Bool
    ) throws -> Program {
        let start = ProgramStart(
            container: container, kernel: kernel, key: definition.key, request: definition.request)
        var adopted = try kernel.process.adopt(definition.key)
        return try start.makeProgram(
            definition, stdout: SharedDescriptor.optional(adopted.stdout.take()),
            stderr: SharedDescriptor.optional(adopted.stderr.take()),
            input: SharedDescriptor.optional(adopted.stdin.take()),
            terminal: SharedDescriptor.optional(adopted.terminal.take()), span(definition, hasEnded: hasEnded))
    }

    /// Nobody holds pipes of it any more: it ended and was forgotten, was never started, or died with process 1. What
    /// was spooled is still to be had.
    private func adoptEnded(_ definition: ProcessDefinition) throws {
        let exit = exits[definition.key]
        if exit == nil, kernel != nil {
            // Its definition was written, but the worker died before process 1 was asked: it never ran.
            try container.files.remove(process: definition.key)
            return
        }
        let program = Program(
            definition, stdout: try spooled(definition, .stdout), stderr: try spooled(definition, .stderr), input: nil,
            terminal: nil, span: try span(definition, hasEnded: true))
        program.noteAnswered()
        container.programs.insert(program)
        if let exit {
            container.programs.ended(exit)
        } else {
            program.span.set("apron.end.estimated", true)
            program.span.status(.error("ProcessOneDied", "process 1 of the container died"))
            program.span.end()
            container.noteSpanEnd(of: program)
            program.finish(
                .failure(
                    WorkerError(
                        .failed, "process 1 of container \(container.handle) died, and this process with it",
                        handle: container.handle, processID: definition.id)))
        }
    }

    /// A stream whose pipe is at its end already, in front of what an earlier worker spooled.
    private func spooled(_ definition: ProcessDefinition, _ kind: OutputKind) throws -> OutputStream? {
        let name = "\(definition.key).\(kind.rawValue)"
        guard try container.files.processes.exists(name) else { return nil }
        let empty = try Pipe()
        return try OutputStream(
            pipe: empty.releaseReader(),
            spool: SpoolLocation(directory: container.files.processes.shared(), name: name),
            pump: container.facilities.pump)
    }
}
