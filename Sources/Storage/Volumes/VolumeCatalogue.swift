public import Kernel

/// The volumes of a directory as their records say, for people: nothing is changed, and a worker may be at work there.
public struct VolumeCatalogue: Sendable {
    /// Volumes in the order of their handles.
    public let records: [VolumeRecord]
    /// What cannot be read, one sentence each.
    public let failures: [String]
    /// The directory.
    public let path: String

    private let layersUsed: [String: Int]

    /// Reads all records.
    /// - Parameter path: as ``VolumeStore/Settings/path``
    /// - Throws: ENOENT when there are no volumes; EACCES for anybody but root
    public init(reading path: String) throws(KernelError) {
        self.path = path
        var (records, failures): ([VolumeRecord], [String]) = ([], [])
        let live = try Directory("\(path)/live")
        for handle in try live.entries().sorted() {
            do {
                let directory = try live.open(handle)
                let bytes = try directory.read(VolumeRecord.fileName, limit: VolumeRecord.bytesMax)
                records.append(try VolumeRecord(decoding: bytes, of: handle))
            } catch let error as KernelError where error.errno == .noEntry {
                // Destroyed at this moment.
            } catch { failures.append("\(error)") }
        }
        var used: [String: Int] = [:]
        for layer in records.flatMap(\.stack.layers) { used[layer.id, default: 0] += 1 }
        self.records = records
        self.failures = failures
        layersUsed = used
    }

    /// Volumes that have a layer.
    public func volumes(with layer: Layer) -> Int { layersUsed[layer.id] ?? 0 }

    /// Handles of volumes that were copied from one, in their order.
    public func children(of handle: String) -> [String] { records.filter { $0.parent == handle }.map(\.handle) }

    /// The path by which clients name a volume.
    public func path(of handle: String) -> String { "\(path)/live/\(handle)/volume" }

    /// The volume that a path of the host lies in by its name; nil when it is none of these.
    public func volume(at path: String) -> String? {
        let names = path.split(separator: "/")
        return records.map(\.handle).first { names.starts(with: self.path(of: $0).split(separator: "/")) }
    }

    /// Walks through a layer's files. They may change meanwhile.
    /// - Throws: ENOENT when the layer was deleted since the records were read
    public func count(_ layer: Layer) throws(KernelError) -> TreeCount {
        try TreeCount.of(try Directory("\(path)/layers/\(layer.id)/files"))
    }
}
