internal import Synchronization

/// What a volume is made of, for people.
public struct VolumeInspection: Sendable {
    /// One layer.
    public struct LayerSize: Sendable {
        /// The layer.
        public let layer: Layer
        /// Its entries, and the bytes of its files' contents.
        public let count: TreeCount
        /// Volumes that have it, this one included.
        public let volumes: Int
    }

    /// The volume.
    public let record: VolumeRecord
    /// Topmost first.
    public let layers: [LayerSize]
    /// Handles of volumes that were copied from it, in their order.
    public let children: [String]
    /// Who has it mounted.
    public let users: [VolumeUser]
}

extension VolumeStore {
    /// Looks at a volume closely; walks through all its files.
    /// - Throws: kinds unknown, failed
    public func inspect(_ handle: String) throws -> VolumeInspection {
        try exclusively(handle) { record in
            let (users, children, uses) = table.withLock { table in
                (
                    table[live: handle].map { Array($0.users.keys) } ?? [],
                    table.entries.values.filter { $0.stage == .live && $0.record.parent == handle }
                        .map(\.record.handle).sorted(),
                    record.stack.layers.map { table.uses(ofLayer: $0.id) }
                )
            }
            let layers = try zip(record.stack.layers, uses).map { layer, uses in
                VolumeInspection.LayerSize(
                    layer: layer, count: try TreeCount.of(try files.files(ofLayer: layer.id)), volumes: uses)
            }
            return VolumeInspection(record: record, layers: layers, children: children, users: users)
        }
    }
}
