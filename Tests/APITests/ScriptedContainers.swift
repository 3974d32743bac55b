import Kernel
import NIOCore
import NIOPosix
import Synchronization
import Telemetry
import Worker

/// Containers in memory that do as a test says and note what they were asked.
final class ScriptedContainers: Containers {
    let maximum = 250
    private let state = Mutex(State())

    struct State {
        var created: [ContainerRequest] = []
        var ran: [ProcessRequest] = []
        var calls: [String] = []
        var properties: [String: [String: String]] = ["c": ["a": "1", "<b>": "2&"]]
        var contexts: [String: TraceContext] = [:]
        var seenContexts: [TraceContext?] = []
        var error: WorkerError?
        var stalls = false
        var attachments: [ScriptedAttachment] = []
        var output: [OutputKind: [UInt8]] = [:]
        var outputEnds = true
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func peek<Value>(_ read: (State) -> Value) -> Value { state.withLock { read($0) } }

    var attachment: ScriptedAttachment? { peek({ $0.attachments.last }) }

    private func note(_ call: String) async throws {
        try state.withLock { state in
            state.calls.append(call)
            state.seenContexts.append(TraceContext.current)
            if let error = state.error { throw error }
        }
        while peek({ $0.stalls }) { try await Task.sleep(for: .milliseconds(5)) }
    }

    private func known(_ handle: String) throws -> [String: String] {
        guard let properties = peek({ $0.properties[handle] }) else { throw WorkerError.unknownContainer(handle) }
        return properties
    }

    func create(_ request: ContainerRequest) async throws -> String {
        try await note("create \(request.handle ?? "-")")
        set { $0.created.append(request) }
        return request.handle ?? "invented"
    }

    func destroy(_ handle: String) async throws {
        try await note("destroy \(handle)")
        _ = try known(handle)
    }

    func stop(_ handle: String, kill: Bool) async throws {
        try await note("stop \(handle) \(kill)")
        _ = try known(handle)
    }

    func list(_ properties: [String: String]) async throws -> [String] {
        try await note("list \(properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })")
        return peek { state in
            state.properties.filter { entry in properties.allSatisfy { entry.value[$0.key] == $0.value } }.keys.sorted()
        }
    }

    func info(_ handle: String) async throws -> ContainerInfo {
        try await note("info \(handle)")
        var info = ContainerInfo()
        info.properties = try known(handle)
        info.hostIP = "10.80.0.1"
        info.containerIP = "10.80.0.2"
        info.path = "/var/apron/c"
        info.limits.memoryBytes = 9_223_372_036_854_771_712
        info.limits.cpuShares = 512
        return info
    }

    func properties(_ handle: String) async throws -> [String: String] {
        try await note("properties \(handle)")
        return try known(handle)
    }

    func property(_ handle: String, _ key: String) async throws -> String? {
        try await note("property \(handle) \(key)")
        return try known(handle)[key]
    }

    func setProperty(_ handle: String, _ key: String, to value: String) async throws {
        try await note("set \(handle) \(key) \(value.utf8.count)")
        _ = try known(handle)
        set { $0.properties[handle]?[key] = value }
    }

    func removeProperty(_ handle: String, _ key: String) async throws {
        try await note("remove \(handle) \(key)")
        set { $0.properties[handle]?[key] = nil }
    }

    func setGraceTime(_ handle: String, nanoseconds: UInt64) async throws {
        try await note("grace \(handle) \(nanoseconds)")
    }

    func traceContext(of handle: String) async -> TraceContext? { peek { $0.contexts[handle] } }

    func check(_ handle: String) throws { _ = try known(handle) }

    func run(_ handle: String, _ request: ProcessRequest) async throws -> any ProcessAttachment {
        try await note("run \(handle) \(request.id ?? "-")")
        set { $0.ran.append(request) }
        return attach(request.id ?? "p-invented")
    }

    func attach(_ handle: String, _ processID: String) async throws -> any ProcessAttachment {
        try await note("attach \(handle) \(processID)")
        guard processID != "unknown" else { throw WorkerError.unknownProcess(processID, in: handle) }
        return attach(processID)
    }

    private func attach(_ processID: String) -> ScriptedAttachment {
        state.withLock { state in
            let attachment = ScriptedAttachment(processID: processID, streamID: "\(state.attachments.count + 1)")
            state.attachments.append(attachment)
            return attachment
        }
    }

    func stream(
        _ kind: OutputKind, of handle: String, _ processID: String, streamID: String, to socket: consuming Descriptor,
        after head: [UInt8]
    ) async throws {
        let number = socket.release()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .withConnectedSocket(number).get()
        try await note("stream \(kind) \(handle) \(processID) \(streamID)")
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: head + peek { $0.output[kind] ?? [] })).get()
            while !peek({ $0.outputEnds }) { try await Task.sleep(for: .milliseconds(5)) }
        } catch {
            set { $0.calls.append("stream \(kind) broke") }
        }
        try? await channel.close().get()
    }
}

/// A process whose end and whose appetite a test decides.
final class ScriptedAttachment: ProcessAttachment {
    let processID: String
    let streamID: String
    private let state = Mutex(State())

    struct State {
        var end: Result<Int32, WorkerError>?
        var input: [UInt8] = []
        var events: [String] = []
        var isBlocked = false
        var refusesInput = false
    }

    init(processID: String, streamID: String) {
        self.processID = processID
        self.streamID = streamID
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func peek<Value>(_ read: (State) -> Value) -> Value { state.withLock { read($0) } }

    func exit(_ status: Int32) { set { $0.end = .success(status) } }
    var input: String { peek({ String(decoding: $0.input, as: UTF8.self) }) }
    var events: [String] { peek({ $0.events }) }

    func wait() async throws -> Int32 {
        while true {
            if let end = peek({ $0.end }) { return try end.get() }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        set { $0.events.append("write") }
        if peek({ $0.refusesInput }) { throw WorkerError(.failed, "write: broken pipe (EPIPE)") }
        while peek({ $0.isBlocked }) { try await Task.sleep(for: .milliseconds(2)) }
        set { $0.input += bytes }
    }

    func closeInput() async throws { set { $0.events.append("eof") } }
    func resize(_ size: WindowSize) async throws { set { $0.events.append("resize \(size.columns)x\(size.rows)") } }
    func signal(_ number: Int32) async throws { set { $0.events.append("signal \(number)") } }
    func detach(cleanly: Bool) async { set { $0.events.append("detach \(cleanly)") } }
}
