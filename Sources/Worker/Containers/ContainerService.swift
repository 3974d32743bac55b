public import Kernel
internal import Runtime
internal import Storage
public import Telemetry

/// The worker's containers: creates, finds, runs, destroys. State is what is on disk and in the kernel.
public final class ContainerService: Containers {
    /// Creations at a time; more only fight for the kernel's locks.
    private static let creationsMax = 8

    let facilities: Facilities
    let registry: ContainerRegistry
    let admission = Admission(places: ContainerService.creationsMax)

    /// Most containers at a time; 0 is no limit.
    public var maximum: Int { facilities.settings.containersMax }

    /// Makes or takes over what all containers share. Call ``recover()`` before serving anybody. Blocks.
    public init(_ settings: WorkerSettings) throws {
        facilities = try Facilities(settings)
        registry = ContainerRegistry(maximum: settings.containersMax)
    }

    /// What the start-up log says: kernel features in use, warnings of the network.
    public func startupNotes() throws -> (features: [String], warnings: [String]) {
        (facilities.features.describe(), try facilities.network?.warnings() ?? [])
    }

    /// Call before the servers close their connections: clients that lose them are expected back.
    public func prepareToStop() { facilities.noteStopping() }

    /// Removes what belongs to no container (image mounts; bridge and firewall tables if nobody else uses them). Blocks.
    public func tearDownIdle() throws {
        try facilities.images.releaseLowers()
        try facilities.volumes?.tearDown(isIdle: registry.live.isEmpty)
        if !facilities.settings.sharesNetwork { try facilities.network?.tearDown() }
    }

    // MARK: life

    /// Makes a container, all of it or nothing.
    public func create(_ request: ContainerRequest) async throws -> String {
        let handle = request.handle ?? makeIdentifier()
        try ContainerService.checkName(handle)
        try registry.begin(handle)
        do {
            let container = try await BlockingExecutor.run {
                try await traced(.containerCreate) { span in
                    span.set("apron.admission.waiting", Int64(self.admission.waiting))
                    return try await self.admission.run {
                        try ContainerCreation(facilities: self.facilities, handle: handle, request: request).run(span)
                    }
                }
            }
            registry.publish(container)
            serve(container)
            return handle
        } catch {
            registry.abandon(handle)
            throw ContainerService.explained(error, handle)
        }
    }

    /// Kills what runs and removes everything; after a failure it can be called again.
    public func destroy(_ handle: String) async throws {
        let container = try await registry.take(handle)
        container.killAhead()
        do {
            try await container.remove()
            registry.release(container, isGone: true)
        } catch {
            await container.remain()
            registry.release(container, isGone: false)
            throw ContainerService.explained(error, handle)
        }
    }

    /// Ends the programs of a container; process 1 stays.
    public func stop(_ handle: String, kill: Bool) async throws {
        try await using(handle) { try await $0.stop(kill: kill) }
    }

    // MARK: what is known

    /// Handles of the live containers with all these properties, in order.
    public func list(_ properties: [String: String]) async throws -> [String] {
        var handles: [String] = []
        for container in registry.live {
            if properties.isEmpty {
                handles.append(container.handle)
                continue
            }
            let own = await container.properties
            if properties.allSatisfy({ own[$0.key] == $0.value }) { handles.append(container.handle) }
        }
        return handles
    }

    /// What is known of a container.
    public func info(_ handle: String) async throws -> ContainerInfo {
        try await using(handle) { await $0.info() }
    }

    /// All properties of a container.
    public func properties(_ handle: String) async throws -> [String: String] {
        try await using(handle) { await $0.properties }
    }

    /// One property; nil when it is not set.
    public func property(_ handle: String, _ key: String) async throws -> String? {
        try await using(handle) { await $0.properties[key] }
    }

    /// Sets a property, on disk before the reply.
    public func setProperty(_ handle: String, _ key: String, to value: String) async throws {
        try await using(handle) { try await $0.setProperty(key, to: value) }
    }

    /// Removes a property if it is set.
    public func removeProperty(_ handle: String, _ key: String) async throws {
        try await using(handle) { try await $0.removeProperty(key) }
    }

    /// Sets the idle life in nanoseconds; 0 destroys at once.
    public func setGraceTime(_ handle: String, nanoseconds: UInt64) async throws {
        if nanoseconds == 0 { return try await destroy(handle) }
        try registry.find(handle).graceTime.set(nanoseconds: nanoseconds)
    }

    /// The trace that a container was made in.
    public func traceContext(of handle: String) async -> TraceContext? {
        (try? registry.find(handle))?.definition.context
    }

    /// Whether there is such a container.
    public func check(_ handle: String) throws { _ = try registry.find(handle) }

    // MARK: programs

    /// Starts a program, and process 1 before it where that has died.
    public func run(_ handle: String, _ request: ProcessRequest) async throws -> any ProcessAttachment {
        try await using(handle) { container in
            let program = try await container.run(request)
            return ProgramAttachment(program, of: container, span: nil)
        }
    }

    /// Attaches to a program that runs or ran.
    public func attach(_ handle: String, _ processID: String) async throws -> any ProcessAttachment {
        try await using(handle) { container in
            let program = try await container.program(processID)
            let span = Telemetry.start(
                .processAttach, links: [Link(program.span.context, type: "process")], handle: handle)
            span.set("apron.process.id", processID)
            if span.isRecording {
                span.set("apron.attach.replayed_bytes", Int64(clamping: await program.unread()))
            }
            return ProgramAttachment(program, of: container, span: span)
        }
    }

    /// Sends an output stream to a socket until its end.
    public func stream(
        _ kind: OutputKind, of handle: String, _ processID: String, streamID: String, to socket: consuming Descriptor,
        after head: [UInt8]
    ) async throws {
        let container = try registry.find(handle)
        guard let program = container.programs.find(id: processID), program.knows(streamID: streamID),
            let output = program.output(kind)
        else { return try StandardStream(number: socket.number).write(head) }
        container.graceTime.beginUse()
        defer { container.graceTime.endUse() }
        if case .delivered = await output.attach(socket, after: head), program.noteDelivered(kind) {
            container.forget(program)
        }
    }

    // MARK: -

    /// Starts a container's idle time and the watch over its process 1.
    func serve(_ container: Container) {
        container.graceTime.start { [weak self, handle = container.handle] in try? await self?.destroy(handle) }
    }

    private func using<Result: Sendable>(
        _ handle: String, _ body: @Sendable (Container) async throws -> Result
    ) async throws -> Result {
        let container = try registry.find(handle)
        container.graceTime.beginUse()
        defer { container.graceTime.endUse() }
        do {
            return try await body(container)
        } catch {
            throw ContainerService.explained(error, handle)
        }
    }

    static func checkName(_ handle: String) throws {
        let bytes = handle.utf8
        guard !bytes.isEmpty, bytes.count <= 255, !bytes.contains(0), !bytes.contains(0x2f), handle != ".",
            handle != ".."
        else {
            throw WorkerError(
                .invalid, "handle must have 1 to 255 bytes and be neither . nor .. nor contain / or NUL")
        }
    }

    /// A system call's failure becomes a worker's failure with the same text and cause.
    private static func explained(_ error: any Error, _ handle: String) -> any Error {
        switch error {
        case let error as KernelError: WorkerError(.failed, "\(error)", handle: handle, cause: error)
        case is WorkerError, is CancellationError: error
        default: WorkerError(.failed, "\(error)", handle: handle)
        }
    }
}
