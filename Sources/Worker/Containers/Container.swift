internal import Kernel
internal import Runtime
internal import Synchronization
internal import Telemetry

/// A live container: its definition, its process 1, its programs.
///
/// Methods block in system calls: they run on threads that may.
actor Container: BlockingActor {
    nonisolated let queue = BlockingQueue()
    nonisolated let handle: String
    nonisolated let facilities: Facilities
    nonisolated let files: ContainerDirectory
    nonisolated let definition: ContainerDefinition
    /// Programs by the key under which process 1 knows them; also used on the pump's thread.
    nonisolated let programs: ProgramTable
    nonisolated let graceTime: GraceTime
    nonisolated let status: ContainerStatus

    var properties: [String: String]
    private nonisolated let present: Mutex<ContainerKernel?>
    private var nextKey: UInt32
    private var starting: Set<String> = []
    /// Its directory goes: nothing may be written there any more.
    var isBeingRemoved = false
    /// Programs that ended and were read to their end, of which process 1 is not told yet.
    private nonisolated let forgotten = Mutex<[UInt32]>([])
    /// Kills for want of memory that were told of already.
    private nonisolated let oomKills = Mutex<UInt64>(0)

    /// - Parameters:
    ///   - kernel: what a launch left behind, watched already; nil when process 1 is gone
    ///   - nextKey: larger than the key of every program that there ever was
    init(
        definition: ContainerDefinition, files: ContainerDirectory, properties: [String: String],
        facilities: Facilities, programs: ProgramTable, kernel: ContainerKernel?, nextKey: UInt32 = 1,
        status: ContainerStatus = ContainerStatus()
    ) {
        handle = definition.handle
        self.definition = definition
        self.files = files
        self.properties = properties
        self.facilities = facilities
        self.programs = programs
        present = Mutex(kernel)
        self.nextKey = nextKey
        self.status = status
        graceTime = GraceTime(nanoseconds: definition.request.graceTime)
        programs.setHandler { [weak self] program, exit in self?.programEnded(program, exit) }
        if let kernel { watchForDeath(kernel) }
    }

    /// What there is of it in the kernel; nil once process 1 is known to be gone for good. Set by the container alone.
    nonisolated var kernel: ContainerKernel? {
        get { present.withLock { $0 } }
        set { present.withLock { $0 = newValue } }
    }

    // MARK: properties

    func setProperty(_ key: String, to value: String) throws {
        var changed = properties
        changed[key] = value
        try files.write(properties: changed)
        properties = changed
    }

    func removeProperty(_ key: String) throws {
        guard properties[key] != nil else { return }
        var changed = properties
        changed[key] = nil
        try files.write(properties: changed)
        properties = changed
    }

    func info() -> ContainerInfo {
        var info = ContainerInfo()
        (info.state, info.events) = status.described
        // Not the directory's own: that is the one under which it was made.
        info.path = "\(facilities.directories.live.path)/\(handle)"
        if let address = kernel?.address {
            info.containerIP = address
            info.hostIP = facilities.settings.network.map { "\($0.gateway)" } ?? ""
        }
        info.processIDs = programs.all.filter(\.isRunning).map(\.id)
        info.properties = properties
        info.limits = definition.request.limits
        return info
    }

    // MARK: programs

    /// Starts a program; one with the same id and request that runs already is attached to, for its first reply may
    /// have been lost.
    func run(_ request: ProcessRequest) async throws -> Program {
        if let id = request.id, let program = programs.find(id: id) {
            if program.definition.request == request, program.isRunning, !program.wasAnswered { return program }
            throw WorkerError(
                .processInUse, "process ID '\(id)' already in use", handle: handle, processID: id)
        }
        guard starting.insert(request.id ?? "").inserted || request.id == nil else {
            throw WorkerError(
                .processInUse, "process ID '\(request.id ?? "")' already in use", handle: handle, processID: request.id)
        }
        defer { if let id = request.id { starting.remove(id) } }
        let kernel = try await livingKernel()
        forgetEnded(kernel)
        let key = nextKey
        nextKey += 1
        let start = ProgramStart(container: self, kernel: kernel, key: key, request: request)
        let program = try traced(.processSpawn) { span in try start.run(span) }
        status.set(.active)
        return program
    }

    func program(_ id: String) throws -> Program {
        guard let program = programs.find(id: id) else { throw WorkerError.unknownProcess(id, in: handle) }
        return program
    }

    func signal(_ number: Int32, _ program: Program) throws {
        guard program.isRunning, let kernel else { return }
        try kernel.process.signal(number, to: program.definition.key)
    }

    /// Process 1 keeps a program's pipes until somebody has had everything in them. They are empty then: it is told when
    /// it has to be spoken to anyway, with the next program.
    nonisolated func forget(_ program: Program) {
        if !program.isRunning { forgotten.withLock { $0.append(program.definition.key) } }
    }

    private func forgetEnded(_ kernel: ContainerKernel) {
        let keys = forgotten.withLock { keys in
            defer { keys = [] }
            return keys
        }
        // Should it fail, the pipes go with the container.
        for key in keys { try? kernel.process.forget(key) }
    }

    private func livingKernel() async throws -> ContainerKernel {
        if let kernel, !kernel.hasEnded { return kernel }
        try await restart()
        guard let kernel else { throw WorkerError(.failed, "container \(handle) has no process 1", handle: handle) }
        return kernel
    }

    /// Starts process 1 again from the stored definition, as after its death.
    private func restart() async throws {
        try removeRemains()
        for name in [InitProcess.socketName] where try files.directory.exists(name) {
            try files.directory.remove(name)
        }
        let started = try traced(.containerCreate) { span in
            span.set("apron.restart", true)
            if let context = definition.context { span.link(Link(context, type: "created_by")) }
            var phases = span.phases()
            var undo = UndoStack()
            do {
                var launch = ContainerLaunch(
                    facilities: facilities, handle: handle, request: definition.request, files: files,
                    onExit: programs.ended, onEnd: {})
                let launched = try launch.run(&phases, undo: &undo)
                return ContainerKernel(launched)
            } catch {
                for failure in undo.run() { span.event("undo_failed", [Attribute("error", .string(failure))]) }
                facilities.volumes?.noteEnd(of: handle)
                throw error
            }
        }
        var changed = definition
        changed.pid = started.process.pid
        changed.address = started.address
        try files.write(changed)
        kernel = started
        status.set(.active)
        watchForDeath(started)
    }

    /// Removes what a dead process 1 has left, so that another can be started.
    private func removeRemains() throws {
        if let kernel {
            try kernel.removeRemains(of: handle, facilities)
        } else {
            // It died while no worker was there.
            if let cgroup = try facilities.cgroups.open(handle: handle) {
                try cgroup.kill()
                try cgroup.remove()
            }
            try facilities.releaseAddress(definition.address, of: handle)
        }
        kernel = nil
    }

    // On the thread that received the report: what may block is left to a task.
    private nonisolated func programEnded(_ program: Program, _ exit: ExitRecord) {
        program.finish(.success(exit.code))
        // In turn with what the container does: its groups are still there.
        queue.perform { self.describeEnd(of: program, exit) }
    }

    private nonisolated func describeEnd(of program: Program, _ exit: ExitRecord) {
        let span = program.span
        UsageAttributes.set(exit, on: span)
        let usage = kernel?.readUsage()
        UsageAttributes.set(usage, on: span)
        let kills = usage?.oomKills ?? 0
        let isNews = oomKills.withLock { told in
            defer { told = max(told, kills) }
            return kills > told
        }
        let wasOutOfMemory = exit.signal == 9 && isNews
        if isNews {
            status.note("oom")
            span.event(
                "oom_kill", at: exit.time, attributes: [Attribute("apron.oom_kills", .int(Int64(clamping: kills)))])
        }
        span.set { attributes in
            attributes.set("apron.exit.reason", wasOutOfMemory ? "oom" : exit.signal == nil ? "exit" : "signal")
            attributes.set("apron.stdio.stdout", program.stdout.map { Int64(clamping: $0.statistics.fromProgram) })
            attributes.set("apron.stdio.stderr", program.stderr.map { Int64(clamping: $0.statistics.fromProgram) })
        }
        span.end(at: exit.time)
        noteSpanEnd(of: program)
    }

    /// Has the next worker know that a program's span is over, once the exporters have it: a worker that dies before
    /// leaves it to the next one to end it, under the same id.
    nonisolated func noteSpanEnd(of program: Program) {
        guard program.span.isRecording, program.span.context.isSampled else { return }
        let key = program.definition.key
        // Most containers are gone by then, and nothing has to be written.
        Telemetry.whenHandedOver { [weak self] in
            guard let self else { return }
            Task(executorPreference: BlockingExecutor.shared) { await self.writeSpanEnd(ofProcess: key) }
        }
    }

    private func writeSpanEnd(ofProcess key: UInt32) {
        if isBeingRemoved { return }
        // Without the mark the span is sent twice, which is better than a failure.
        try? files.noteSpanEnd(process: key)
    }

    /// Calls ``processOneEnded(_:)`` when process 1 is gone.
    nonisolated func watchForDeath(_ kernel: ContainerKernel) {
        facilities.volumes?.note(kernel, of: handle)
        // It can fail only while the worker ends.
        try? kernel.watchEnd(with: facilities.pump) { [weak self, weak kernel] in
            Task { [weak self, weak kernel] in
                if let kernel { await self?.processOneEnded(kernel) }
            }
        }
    }

    private func processOneEnded(_ ended: ContainerKernel) {
        guard ended === kernel, !ended.isBeingDestroyed else { return }
        ended.noteEnd()
        let reason = ended.causeOfDeath()
        status.set(.dead(reason))
        // What it still reported counts; whatever else ran has died with it.
        let exits = (try? files.exits()) ?? [:]
        for program in programs.all where program.isRunning {
            if let exit = exits[program.definition.key] {
                programs.ended(exit)
            } else {
                program.span.status(.error("ProcessOneDied", reason))
                program.span.end()
                noteSpanEnd(of: program)
                program.finish(
                    .failure(WorkerError(.failed, reason, handle: handle, processID: program.id)))
            }
        }
        _ = try? ended.process.waitForEnd(milliseconds: 0)
    }
}
