internal import Telemetry

/// What a container is made from: written once when it is made, read again after a restart of the worker.
struct ContainerDefinition: Codable, Sendable {
    /// The version of this format; a newer one is refused.
    static let format = 1

    var format = ContainerDefinition.format
    var handle: String
    var request: ContainerRequest
    /// When it was made, in nanoseconds since the epoch.
    var created: UInt64
    /// The trace it was made in: parent of its processes, link target of later requests.
    var context: TraceContext?
    /// The number of process 1 in the host's namespace.
    var pid: Int32?
    /// Its address on the bridge, if it has one.
    var address: String?
}

/// What a process is: written before its program is started.
struct ProcessDefinition: Codable, Sendable {
    /// The number under which process 1 knows it; also the name of its files.
    var key: UInt32
    var request: ProcessRequest
    /// The process's span, which ends under the same id even when another worker ends it.
    var span: StoredSpan?
    /// Its number inside the container, once started.
    var pid: Int32?

    var id: String { request.id ?? "\(key)" }
}
