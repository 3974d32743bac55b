internal import FoundationEssentials
internal import Kernel
internal import Runtime

/// A container's files on disk. The directory that it lies in is the container's state: `init` while it is made, `live`
/// from its publication on, `dead` while it is removed; it moves only by rename.
///
///     <work-dir>/containers/live/<handle>/
///         container.json    ContainerDefinition
///         properties.json   changes with every set
///         init.sock         process 1 listens here
///         exits             exit records, appended by process 1
///         hosts, hostname, resolv.conf
///         processes/<key>.json, <key>.stdout, <key>.stderr
///         processes/<key>.told  the process has ended, and its span is with the exporters
///
/// Nothing here is synced: containers do not outlive the host.
final class ContainerDirectory: Sendable {
    private static let definitionName = "container.json"
    private static let propertiesName = "properties.json"
    /// A definition or its properties, each made from request bodies of at most 8 MiB, many over time.
    private static let bytesMax = 64 << 20

    let directory: Directory
    let processes: Directory

    /// Makes the files' directories in an empty container directory.
    init(making directory: Directory) throws {
        self.directory = directory
        processes = try directory.make("processes", mode: 0o700)
    }

    /// Opens a container directory that was made before.
    init(opening directory: Directory) throws {
        self.directory = directory
        processes = try directory.makeIfMissing("processes", mode: 0o700)
    }

    func write(_ definition: ContainerDefinition) throws {
        try write(definition, as: ContainerDirectory.definitionName, in: directory)
    }

    func definition() throws -> ContainerDefinition {
        let definition = try read(ContainerDefinition.self, ContainerDirectory.definitionName, in: directory)
        guard definition.format <= ContainerDefinition.format else {
            throw WorkerError(
                .failed, "\(directory.path): format \(definition.format) is newer than this worker's",
                handle: definition.handle)
        }
        return definition
    }

    func write(properties: [String: String]) throws {
        try write(properties, as: ContainerDirectory.propertiesName, in: directory)
    }

    func properties() throws -> [String: String] {
        guard try directory.exists(ContainerDirectory.propertiesName) else { return [:] }
        return try read([String: String].self, ContainerDirectory.propertiesName, in: directory)
    }

    func write(_ process: ProcessDefinition) throws {
        try write(process, as: "\(process.key).json", in: processes)
    }

    func noteSpanEnd(process key: UInt32) throws {
        _ = try processes.openFile("\(key).told", [.writeOnly, .create], mode: 0o600)
    }

    func hasToldSpan(process key: UInt32) throws -> Bool { try processes.exists("\(key).told") }

    func remove(process key: UInt32) throws { try processes.remove("\(key).json") }

    /// Every process that was ever started, in the order of their keys.
    func allProcesses() throws -> [ProcessDefinition] {
        try processes.entries().filter { $0.hasSuffix(".json") }
            .map { try read(ProcessDefinition.self, $0, in: processes) }
            .sorted { $0.key < $1.key }
    }

    /// The exit records that process 1 left, the latest of each process.
    func exits() throws -> [UInt32: ExitRecord] {
        let bytes = try directory.read(InitProcess.ledgerName, limit: ContainerDirectory.bytesMax)
        return Dictionary(ExitRecord.records(inLedger: bytes).map { ($0.process, $0) }) { $1 }
    }

    private func write(_ value: some Encodable, as name: String, in directory: Directory) throws {
        try directory.write(name, StateText.bytes(of: value), mode: 0o600)
    }

    private func read<Value: Decodable>(_ type: Value.Type, _ name: String, in directory: Directory) throws -> Value {
        let bytes = try directory.read(name, limit: ContainerDirectory.bytesMax)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw WorkerError(.failed, "\(directory.path)/\(name) is damaged: \(error)")
        }
    }
}
