internal import Worker

/// The bodies of replies about containers and the host.
enum WireInfo {
    /// Nothing in it is ever left out.
    static func container(_ info: ContainerInfo) -> JSONValue {
        .object([
            "State": .string(info.state),
            "Events": .list(info.events),
            "HostIP": .string(info.hostIP),
            "ContainerIP": .string(info.containerIP),
            "ContainerIPv6": .string(""),
            "ExternalIP": .string(info.hostIP),
            "ContainerPath": .string(info.path),
            "ProcessIDs": .list(info.processIDs),
            "Properties": .map(info.properties),
            "MappedPorts": .array([]),
        ])
    }

    /// CPU shares, under the key of the server that is followed.
    static func cpu(_ limits: ContainerRequest.Limits, _ compatibility: Compatibility) -> JSONValue {
        only(compatibility.cpuSharesKey, limits.cpuShares)
    }

    /// The memory limit.
    static func memory(_ limits: ContainerRequest.Limits) -> JSONValue { only("limit_in_bytes", limits.memoryBytes) }

    /// What fits; zeros are left out.
    static func capacity(_ capacity: HostCapacity, maximumContainers: Int) -> JSONValue {
        let pairs: [(String, UInt64)] = [
            ("memory_in_bytes", capacity.memoryBytes), ("disk_in_bytes", capacity.diskBytes),
            ("schedulable_disk_in_bytes", capacity.diskBytes), ("max_containers", UInt64(max(0, maximumContainers))),
        ]
        return .object(pairs.filter { $0.1 > 0 }.map { JSONValue.Member(key: $0.0, value: .unsigned($0.1)) })
    }

    private static func only(_ key: String, _ limit: UInt64?) -> JSONValue {
        .object(limit.map { [JSONValue.Member(key: key, value: .unsigned($0))] } ?? [])
    }
}

/// What the host has to give to containers.
public struct HostCapacity: Sendable, Hashable {
    /// Memory in bytes.
    public var memoryBytes: UInt64
    /// Disk space for volumes in bytes.
    public var diskBytes: UInt64

    /// A host of this size.
    public init(memoryBytes: UInt64, diskBytes: UInt64) {
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
    }
}
