internal import Kernel
internal import Runtime
internal import Storage
public import Telemetry

/// The worker's volumes: makes, finds, fills, reads and destroys them. State is what is on disk and mounted.
public final class VolumeService: Volumes {
    let facilities: VolumeFacilities
    let creations = VolumeCreations()
    /// Imports read and write whole trees; more at a time only fight for the disk.
    let imports = Admission(places: VolumeService.importsMax)
    private static let importsMax = 4
    /// Volumes destroyed at a time by one request: they wait for the disk more than for the processor.
    private static let destroyersMax = 8

    var store: VolumeStore { facilities.store }

    /// The volumes that the containers of `service` use.
    /// - Throws: unavailable when its settings are without volumes
    public init(containers service: ContainerService) throws {
        guard let facilities = service.facilities.volumes else {
            throw VolumeError(.unavailable, "this worker keeps no volumes")
        }
        self.facilities = facilities
    }

    /// Volumes alone, for containers that another program runs. Blocks.
    /// - Parameters:
    ///   - initPath: the executable of process 1, which makes the user namespaces that owners are mapped by
    ///   - disabledFeatures: names of kernel features to do without, comma-separated (APRON_DISABLE)
    public init(_ settings: VolumeSettings, initPath: String, disabledFeatures: String = "") throws {
        let image = try InitImage(path: initPath)
        let map = try IdentityMap.ofThisProcess()
        let namespace = SharedDescriptor(try image.makeUserNamespace(map))
        try DirectoryClaim.makeDirectories(settings.directory)
        let directory = try Directory(settings.directory)
        let features = try namespace.with { namespace throws(KernelError) in
            try Features.probe(userNamespace: namespace, workDirectory: directory, disabled: disabledFeatures)
        }
        facilities = try VolumeFacilities(
            settings, containerRoot: map.containerRoot, userNamespace: namespace,
            inverse: SharedDescriptor(try image.makeUserNamespace(map, isInverse: true)), features: features)
    }

    // MARK: what is known

    /// Volumes that have all these properties, in the order of their handles.
    public func list(_ properties: [String: String]) async throws -> [VolumeInfo] {
        store.list()
            .filter { record in properties.allSatisfy { record.properties?[$0.key] == $0.value } }
            .map(info)
    }

    /// One volume.
    public func find(_ handle: String) async throws -> VolumeInfo { info(try record(handle)) }

    /// The context of the trace in which the volume was made.
    public func traceContext(of handle: String) async -> TraceContext? { store.find(handle)?.context }

    // MARK: life

    /// Makes a volume and answers when it is published.
    public func create(_ request: VolumeRequest) async throws -> VolumeInfo {
        let handle = request.handle ?? makeIdentifier()
        return try await working(handle) { try await self.make(request, handle) }
    }

    /// Removes a volume; its files are deleted in the background.
    public func destroy(_ handle: String) async throws {
        try await working(handle) { try self.remove(handle) }
    }

    /// Removes volumes; unknown ones are ignored; all are tried before the first failure is thrown.
    public func destroy(all handles: [String]) async throws {
        // A handle that is named twice is not in the way of itself.
        let handles = Set(handles).sorted()
        let failures = await withTaskGroup(of: (String, (any Error)?).self) { group -> [String: any Error] in
            var failures: [String: any Error] = [:]
            for (index, handle) in handles.enumerated() {
                if index >= VolumeService.destroyersMax, let (name, error) = await group.next() {
                    failures[name] = error
                }
                group.addTask { (handle, await self.failureToDestroy(handle)) }
            }
            for await (name, error) in group { failures[name] = error }
            return failures
        }
        if let first = handles.first(where: { failures[$0] != nil }), let failure = failures[first] { throw failure }
    }

    private func failureToDestroy(_ handle: String) async -> (any Error)? {
        do { try await destroy(handle) } catch let error as VolumeError where error.kind == .unknownVolume {
        } catch { return error }
        return nil
    }

    /// Sets a property, on disk before the reply.
    public func setProperty(_ handle: String, _ key: String, to value: String) async throws {
        try await working(handle) { try self.store.setProperty(handle, key, to: value) }
    }

    /// Changes for whom the volume is.
    public func setPrivileged(_ handle: String, to isPrivileged: Bool) async throws {
        try await working(handle) {
            try traced(.volumePrivilege) { span in
                span.setHandle(handle)
                span.set {
                    $0.set("apron.volume.handle", handle)
                    $0.set("apron.volume.privileged", isPrivileged)
                }
                self.describeOrigin(of: handle, on: span)
                try self.store.setPrivileged(handle, to: isPrivileged)
            }
        }
    }

    /// Deletes what belongs to no volume.
    public func cleanUpOrphans() async throws {
        try await working("orphans") { try self.store.cleanUpOrphans() }
    }

    // MARK: -

    func record(_ handle: String) throws(VolumeError) -> VolumeRecord {
        guard let record = store.find(handle) else { throw VolumeError.unknown(handle) }
        return record
    }

    func info(_ record: VolumeRecord) -> VolumeInfo {
        VolumeInfo(
            handle: record.handle, path: store.path(of: record.handle), properties: record.properties,
            isPrivileged: record.isPrivileged)
    }

    /// Removes a volume; the caller's thread may block.
    func remove(_ handle: String) throws {
        try traced(.volumeDestroy) { span in
            span.setHandle(handle)
            span.set("apron.volume.handle", handle)
            describeOrigin(of: handle, on: span)
            try store.destroy(handle)
        }
    }

    /// Says how old a volume is and which trace made it.
    func describeOrigin(of handle: String, on span: PhaseSpan) {
        guard span.isRecording, let record = store.find(handle) else { return }
        span.set {
            $0.set("apron.volume.strategy", record.strategy)
            $0.set("apron.volume.age", Double(realTime() &- min(record.created, realTime())) / 1e9)
        }
        if let context = record.context { span.link(Link(context, type: "created_by")) }
    }

    /// Runs what may block where it may, and tells its failures in terms of volumes.
    func working<Result: Sendable>(
        _ handle: String, _ body: @Sendable @concurrent () async throws -> Result
    ) async throws -> Result {
        do {
            return try await BlockingExecutor.run(body)
        } catch {
            throw VolumeError(error, volume: handle)
        }
    }
}
