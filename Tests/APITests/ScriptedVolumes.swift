import Kernel
import Logging
import Synchronization
import Telemetry
import Worker

@testable import API

/// Volumes in memory that do as a test says and note what they were asked.
final class ScriptedVolumes: Volumes {
    private let state = Mutex(State())

    struct State {
        var calls: [String] = []
        var requests: [VolumeRequest] = []
        var volumes = ["v": VolumeInfo(handle: "v", path: "/w/v/volume", properties: nil, isPrivileged: false)]
        var creations: [String: Result<VolumeInfo, VolumeError>?] = [:]
        var contexts: [String: TraceContext] = [:]
        var seenContexts: [TraceContext?] = []
        var error: VolumeError?
        var transfers: [ScriptedTransfer] = []
        var script = ScriptedTransfer.Script()
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func peek<Value>(_ read: (State) -> Value) -> Value { state.withLock { read($0) } }

    var transfer: ScriptedTransfer? { peek { $0.transfers.last } }

    private func note(_ call: String) throws {
        try state.withLock { state in
            state.calls.append(call)
            state.seenContexts.append(TraceContext.current)
            if let error = state.error { throw error }
        }
    }

    private func known(_ handle: String) throws -> VolumeInfo {
        guard let volume = peek({ $0.volumes[handle] }) else { throw VolumeError.unknown(handle) }
        return volume
    }

    func list(_ properties: [String: String]) async throws -> [VolumeInfo] {
        try note("list \(properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })")
        return peek { state in
            state.volumes.values.filter { volume in
                properties.allSatisfy { volume.properties?[$0.key] == $0.value }
            }.sorted { $0.handle < $1.handle }
        }
    }

    func create(_ request: VolumeRequest) async throws -> VolumeInfo {
        try note("create \(request.handle ?? "-")")
        set { $0.requests.append(request) }
        return VolumeInfo(
            handle: request.handle ?? "invented", path: "/w/x/volume", properties: request.properties,
            isPrivileged: request.isPrivileged)
    }

    func beginCreation(_ request: VolumeRequest) async throws -> String {
        try note("begin \(request.handle ?? "-")")
        let handle = request.handle ?? "invented"
        set {
            $0.requests.append(request)
            $0.creations[handle] = .some(nil)
        }
        return handle
    }

    func creation(_ handle: String, wait: Duration) async throws -> VolumeInfo? {
        try note("creation \(handle)")
        let end = ContinuousClock.now + wait
        while true {
            guard let creation = peek({ $0.creations[handle] }) else {
                throw VolumeError(.unknownCreation, "unknown creation: \(handle)", handle: handle)
            }
            if let creation { return try creation.get() }
            if ContinuousClock.now >= end { return nil }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func cancelCreation(_ handle: String) async throws {
        try note("cancel \(handle)")
        guard peek({ $0.creations[handle] }) != nil else { throw VolumeError(.unknownCreation, "unknown") }
        set { $0.creations.removeValue(forKey: handle) }
    }

    func find(_ handle: String) async throws -> VolumeInfo {
        try note("find \(handle)")
        return try known(handle)
    }

    func destroy(_ handle: String) async throws {
        try note("destroy \(handle)")
        _ = try known(handle)
    }

    func destroy(all handles: [String]) async throws { try note("destroy all \(handles)") }

    func setProperty(_ handle: String, _ key: String, to value: String) async throws {
        try note("set \(handle) \(key) \(value)")
        _ = try known(handle)
    }

    func setPrivileged(_ handle: String, to isPrivileged: Bool) async throws {
        try note("privileged \(handle) \(isPrivileged)")
        _ = try known(handle)
    }

    func streamIn(_ handle: String, path: String, encoding: ArchiveEncoding) async throws -> any ArchiveTransfer {
        try note("in \(handle) \(path) \(encoding)")
        _ = try known(handle)
        return try begin(takes: true)
    }

    func streamOut(_ handle: String, path: String, encoding: ArchiveEncoding) async throws -> any ArchiveTransfer {
        try note("out \(handle) \(path) \(encoding)")
        _ = try known(handle)
        return try begin(takes: false)
    }

    private func begin(takes: Bool) throws -> ScriptedTransfer {
        let transfer = try ScriptedTransfer(peek { $0.script }, takes: takes)
        set { $0.transfers.append(transfer) }
        return transfer
    }

    func cleanUpOrphans() async throws { try note("clean up") }

    func traceContext(of handle: String) async -> TraceContext? { peek { $0.contexts[handle] } }
}

/// Runs a server of volumes around `body` and shuts it down afterwards.
func withVolumes(
    peers: PeerSettings = PeerSettings(), drainTime: Duration = .seconds(60),
    _ body: @escaping @Sendable (ServerUnderTest, ScriptedVolumes) async throws -> Void
) async throws {
    let volumes = ScriptedVolumes()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let routes = BaggageclaimRoutes(volumes, peers: peers, logger: logger)
    try await withServer(drainTime: drainTime, extra: [routes.group]) { try await body($0, volumes) }
}
