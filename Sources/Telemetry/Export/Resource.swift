internal import Kernel

/// What every span says about the process that made it.
public struct Resource: Sendable, Hashable {
    /// The attributes, in the order in which they are written.
    public var attributes: [Attribute]

    /// The scope name under which the spans are exported.
    public static let scopeName = "apron"

    /// Describes this process; a value that is nil is left out.
    public init(
        serviceName: String = "apron", serviceVersion: String? = nil, hostName: String? = nil, processID: Int32? = nil,
        workerName: String? = nil, workerID: String? = nil, others: [Attribute] = []
    ) {
        var attributes = [Attribute("service.name", .string(serviceName))]
        func add(_ key: AttributeKey, _ value: AttributeValue?) {
            if let value { attributes.append(Attribute(key, value)) }
        }
        add("service.version", serviceVersion.map { .string($0) })
        add("host.name", hostName.map { .string($0) })
        add("process.pid", processID.map { .int(Int64($0)) })
        add("cicd.worker.name", workerName.map { .string($0) })
        add("cicd.worker.id", (workerID ?? workerName).map { .string($0) })
        add("container.runtime.name", .string("apron"))
        self.attributes = attributes + others
    }
}
