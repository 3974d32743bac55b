/// What every span says about the process that made it.
public struct Resource: Sendable, Hashable {
    /// The attributes, in the order in which they are written; no name comes twice.
    public private(set) var attributes: [Attribute]

    /// The scope name under which the spans are exported.
    public static let scopeName = "apron"

    /// Describes this process; a value that is nil is left out.
    public init(
        serviceName: String = "apron", serviceVersion: String? = nil, hostName: String? = nil, processID: Int32? = nil,
        workerName: String? = nil, workerID: String? = nil, others: [Attribute] = []
    ) {
        var known: [Attribute] = [Attribute("service.name", .string(serviceName))]
        func add(_ key: AttributeKey, _ value: AttributeValue?) {
            if let value { known.append(Attribute(key, value)) }
        }
        add("service.version", serviceVersion.map { .string($0) })
        add("host.name", hostName.map { .string($0) })
        add("process.pid", processID.map { .int(Int64($0)) })
        add("cicd.worker.name", workerName.map { .string($0) })
        add("cicd.worker.id", (workerID ?? workerName).map { .string($0) })
        add("container.runtime.name", .string("apron"))
        self.init(known + others)
    }

    /// Attributes in this order; of a name that comes more than once the last value counts.
    public init(_ attributes: [Attribute]) {
        self.attributes = []
        for attribute in attributes { set(attribute) }
    }

    /// This description with what another one says on top: its values win.
    public func overlaid(by other: Resource) -> Resource { Resource(attributes + other.attributes) }

    /// The value of an attribute.
    public subscript(_ key: AttributeKey) -> AttributeValue? { attributes.first { $0.key == key }?.value }

    private mutating func set(_ attribute: Attribute) {
        if let index = attributes.firstIndex(where: { $0.key == attribute.key }) {
            attributes[index] = attribute
        } else {
            attributes.append(attribute)
        }
    }
}

extension Resource {
    /// What OTEL_RESOURCE_ATTRIBUTES says: `key=value,key=value`, percent-encoded. Nothing is taken when any part is
    /// broken, as the specification has it.
    public init?(environmentValue: String) {
        var attributes: [Attribute] = []
        for part in environmentValue.utf8.split(separator: UInt8(ascii: ",")) {
            let pair = part.trimmingBlanks
            if pair.isEmpty { continue }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                let key = PercentCoding.decode(pair[..<equals].trimmingBlanks), !key.isEmpty,
                let value = PercentCoding.decode(pair[pair.index(after: equals)...].trimmingBlanks)
            else { return nil }
            attributes.append(Attribute(AttributeKey(composed: key), .string(value)))
        }
        self.init(attributes)
    }
}
