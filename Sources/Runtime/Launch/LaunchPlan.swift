internal import InitProtocol

/// How a container is set up, as data: the operations that process 1 carries out in order.
///
/// The daemon composes it and can be tested on it; process 1 only interprets it. Descriptors are numbers of this
/// process, sent along with the plan.
public struct LaunchPlan: Sendable {
    /// One operation; see `enum apron_operation_code` for what process 1 does.
    public enum Operation: Sendable, Hashable {
        case becomeRoot
        case privateMounts
        case attachRoot(descriptor: Int32)
        case attach(descriptor: Int32, target: String, isFile: Bool, isDeviceTree: Bool)
        case fileSystem(FileSystem)
        case pivot
        case mask(String)
        case readOnly(String)
        case hostName(String)
        case netlink([UInt8])
        case payloadCgroup(descriptor: Int32)
    }

    /// A file system that process 1 makes in the container's own namespaces.
    public struct FileSystem: Sendable, Hashable {
        /// As in `/proc/filesystems`.
        public var type: String
        /// `key=value` or `flag`.
        public var options: [String]
        /// Absolute path in the container.
        public var target: String
        /// MOUNT_ATTR_* bits of fsmount(2).
        public var attributes: UInt32
        /// Terminals are allocated from it.
        public var allocatesTerminals: Bool
        /// The container does without it where the kernel refuses.
        public var isOptional: Bool

        /// Describes a file system.
        public init(
            _ type: String, options: [String] = [], on target: String, attributes: UInt32,
            allocatesTerminals: Bool = false, isOptional: Bool = false
        ) {
            self.type = type
            self.options = options
            self.target = target
            self.attributes = attributes
            self.allocatesTerminals = allocatesTerminals
            self.isOptional = isOptional
        }
    }

    /// In order; at most 512.
    public var operations: [Operation] = []

    /// An empty plan.
    public init() {}

    /// What an error of operation `index` is about.
    public func subject(of index: Int) -> String? {
        guard operations.indices.contains(index) else { return nil }
        switch operations[index] {
        case .becomeRoot, .privateMounts, .payloadCgroup: return nil
        case .attachRoot, .pivot: return "/"
        case .attach(_, let target, _, _), .mask(let target), .readOnly(let target): return target
        case .fileSystem(let system): return "\(system.type) on \(system.target)"
        case .hostName(let name): return name
        case .netlink: return "in the container's network namespace"
        }
    }

    /// A short name of operation `index` for attributes and detailed spans.
    static func name(of operation: Operation) -> String {
        switch operation {
        case .becomeRoot: "become_root"
        case .privateMounts: "private_mounts"
        case .attachRoot: "attach_root"
        case .attach: "attach"
        case .fileSystem(let system): system.type
        case .pivot: "pivot_root"
        case .mask: "mask"
        case .readOnly: "read_only"
        case .hostName: "host_name"
        case .netlink: "netlink"
        case .payloadCgroup: "payload_cgroup"
        }
    }

    /// The span that operation `index` belongs to, as `enum apron_group`.
    static func group(of operation: Operation) -> apron_group {
        switch operation {
        case .becomeRoot, .payloadCgroup: APRON_GROUP_WAIT
        case .hostName, .netlink: APRON_GROUP_IDENTITY
        case .pivot: APRON_GROUP_ROOT
        default: APRON_GROUP_MOUNTS
        }
    }

    /// The document for process 1, and the descriptors that go with it in its order.
    func encoded() -> (document: [UInt8], descriptors: [Int32]) {
        let headerBytes = 32
        let operationBytes = 32
        var writer = DocumentWriter()
        writer.reserve(headerBytes + operations.count * operationBytes)
        var descriptors: [Int32] = []
        for (index, operation) in operations.enumerated() {
            let entry = encode(operation, into: &writer, &descriptors)
            writer.fill(at: headerBytes + index * operationBytes, with: entry)
        }
        var header = DocumentWriter(reserving: headerBytes)
        header.append(UInt32(APRON_PLAN_MAGIC))
        header.append(UInt32(APRON_PROTOCOL_VERSION))
        header.append(writer.offset + 1)
        header.append(UInt32(operations.count))
        writer.fill(at: 0, with: header)
        return (writer.finished(), descriptors)
    }

    private func encode(
        _ operation: Operation, into writer: inout DocumentWriter, _ descriptors: inout [Int32]
    ) -> DocumentWriter {
        var fields = Fields()
        func carry(_ descriptor: Int32) {
            fields.descriptor = Int32(descriptors.count)
            descriptors.append(descriptor)
        }
        switch operation {
        case .becomeRoot: fields.code = APRON_IDENTITY
        case .privateMounts: fields.code = APRON_PRIVATE_MOUNTS
        case .attachRoot(let descriptor):
            fields.code = APRON_ATTACH_ROOT
            carry(descriptor)
        case .attach(let descriptor, let target, let isFile, let isDeviceTree):
            fields.code = APRON_ATTACH
            carry(descriptor)
            fields.target = writer.text(target)
            if isFile { fields.flags |= APRON_TARGET_FILE.rawValue }
            if isDeviceTree { fields.flags |= APRON_KEEP_NULL.rawValue }
        case .fileSystem(let system):
            fields.code = APRON_FILE_SYSTEM
            fields.source = writer.text(system.type)
            fields.target = writer.text(system.target)
            fields.data = writer.text(system.options.joined(separator: "\n"))
            fields.argument = UInt64(system.attributes)
            if system.allocatesTerminals { fields.flags |= APRON_KEEP_DEVPTS.rawValue }
            if system.isOptional { fields.flags |= APRON_OPTIONAL.rawValue }
        case .pivot: fields.code = APRON_PIVOT
        case .mask(let target):
            fields.code = APRON_MASK
            fields.target = writer.text(target)
        case .readOnly(let target):
            fields.code = APRON_READ_ONLY
            fields.target = writer.text(target)
        case .hostName(let name):
            fields.code = APRON_HOST_NAME
            fields.source = writer.text(name)
        case .netlink(let message):
            fields.code = APRON_NETLINK
            fields.data = writer.data(message)
            fields.argument = UInt64(message.count)
        case .payloadCgroup(let descriptor):
            fields.code = APRON_PAYLOAD_CGROUP
            carry(descriptor)
        }
        return fields.encoded(group: LaunchPlan.group(of: operation))
    }

    /// The fields of `struct apron_operation`.
    private struct Fields {
        var code = APRON_IDENTITY
        var flags: UInt32 = 0
        var descriptor: Int32 = -1
        var source: UInt32 = 0
        var target: UInt32 = 0
        var data: UInt32 = 0
        var argument: UInt64 = 0

        func encoded(group: apron_group) -> DocumentWriter {
            var writer = DocumentWriter(reserving: 32)
            writer.append(UInt16(code.rawValue))
            writer.append(UInt16(group.rawValue))
            writer.append(flags)
            writer.append(descriptor)
            writer.append(source)
            writer.append(target)
            writer.append(data)
            writer.append(argument)
            return writer
        }
    }
}
