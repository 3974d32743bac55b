public import Kernel
public import Telemetry

/// Which of a process's output streams.
public enum OutputKind: String, Sendable, CaseIterable {
    /// Standard output, or everything on a terminal.
    case stdout
    /// Standard error; empty for a process on a terminal.
    case stderr
}

/// What is known of a container, for the info route.
public struct ContainerInfo: Sendable, Hashable {
    /// `active`, or `stopped` once it was stopped or process 1 died.
    public var state = "active"
    /// Things that happened, such as `oom` or the reason of process 1's death.
    public var events: [String] = []
    /// The host's address on the bridge, or empty.
    public var hostIP = ""
    /// The container's address, or empty.
    public var containerIP = ""
    /// The container's directory on the host.
    public var path = ""
    /// Ids of running processes.
    public var processIDs: [String] = []
    /// The container's properties.
    public var properties: [String: String] = [:]
    /// The limits it was made with.
    public var limits = ContainerRequest.Limits()

    /// Nothing known.
    public init() {}
}

/// One client's hold on a process: made by run and attach, ends when the client goes or the process ends.
public protocol ProcessAttachment: AnyObject, Sendable {
    /// The process's id.
    var processID: String { get }
    /// Names this attachment in the stdout and stderr routes.
    var streamID: String { get }
    /// Waits for the end: the exit code, or 128 + signal.
    /// - Throws: ``WorkerError`` when waiting is impossible, for instance because process 1 died.
    func wait() async throws -> Int32
    /// Hands bytes to the program's standard input; returns when the kernel has accepted all of them.
    func write(_ bytes: [UInt8]) async throws
    /// Ends the program's standard input (never on a terminal by a lost connection; the caller decides).
    func closeInput() async throws
    /// Changes the terminal's size.
    func resize(_ size: WindowSize) async throws
    /// Sends a signal by its Linux number.
    func signal(_ number: Int32) async throws
    /// The client has gone; `cleanly` is false when its connection broke before the end of its input.
    func detach(cleanly: Bool) async
}

/// The worker's containers, as the API sees them.
public protocol Containers: Sendable {
    /// Most containers at a time; 0 is no limit.
    var maximum: Int { get }
    /// Makes a container; answers its handle when it is up.
    func create(_ request: ContainerRequest) async throws -> String
    /// Kills what runs and removes everything.
    func destroy(_ handle: String) async throws
    /// Ends the container's processes: SIGTERM, 10 s, SIGKILL; with `kill` SIGKILL at once.
    func stop(_ handle: String, kill: Bool) async throws
    /// Handles of the containers that have all these properties.
    func list(_ properties: [String: String]) async throws -> [String]
    /// What is known of it.
    func info(_ handle: String) async throws -> ContainerInfo
    /// All properties.
    func properties(_ handle: String) async throws -> [String: String]
    /// One property; nil when it is not set.
    func property(_ handle: String, _ key: String) async throws -> String?
    /// Sets a property.
    func setProperty(_ handle: String, _ key: String, to value: String) async throws
    /// Removes a property if it is set.
    func removeProperty(_ handle: String, _ key: String) async throws
    /// Sets the idle life in nanoseconds and starts it anew; 0 destroys at once.
    func setGraceTime(_ handle: String, nanoseconds: UInt64) async throws
    /// The context of the trace in which the container was made, for links from later requests; nil for an unknown
    /// handle or when none was stored. Answers from memory: every request that names a container asks.
    func traceContext(of handle: String) async -> TraceContext?
    /// Answers at once whether there is such a container.
    /// - Throws: ``WorkerError`` of kind containerNotFound
    func check(_ handle: String) throws
    /// Starts a program.
    func run(_ handle: String, _ request: ProcessRequest) async throws -> any ProcessAttachment
    /// Attaches to a program that runs or ran.
    func attach(_ handle: String, _ processID: String) async throws -> any ProcessAttachment
    /// Sends `head`, then an output stream's bytes to `socket` (non-blocking, owned) and returns when all were
    /// delivered after the process's end, or the client is gone. An unknown stream id ends after the head.
    ///
    /// A client that has the head misses nothing that the program writes from then on.
    /// - Throws: when there is no such container; nothing was sent then
    func stream(
        _ kind: OutputKind, of handle: String, _ processID: String, streamID: String, to socket: consuming Descriptor,
        after head: [UInt8]
    ) async throws
}

extension Containers {
    /// Sends an output stream's bytes without anything before them.
    public func stream(
        _ kind: OutputKind, of handle: String, _ processID: String, streamID: String, to socket: consuming Descriptor
    ) async throws {
        try await stream(kind, of: handle, processID, streamID: streamID, to: socket, after: [])
    }
}
