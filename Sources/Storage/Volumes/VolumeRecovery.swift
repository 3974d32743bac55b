/// What was found at a start.
public struct VolumeRecovery: Sendable {
    /// A volume that is not there any more, and why.
    public struct Loss: Sendable, Hashable {
        /// The name of its directory.
        public let handle: String
        /// A sentence.
        public let reason: String
    }

    /// Volumes as they were, in the order of their handles.
    public internal(set) var adopted: [VolumeRecord] = []
    /// Handles whose making was not finished; nobody was told of them.
    public internal(set) var undone: [String] = []
    /// Volumes with contents that a power cut may have damaged; deleted.
    public internal(set) var givenUp: [Loss] = []
    /// Volumes whose records cannot be understood, or that could not be made ready. Damaged ones lie in `damaged/`, and
    /// their layers stay as long as they do.
    public internal(set) var failures: [Loss] = []
    /// Layers that belonged to no volume; deleted.
    public internal(set) var orphans = 0
}

/// What is to be done with each record that was read; decided before anything is touched.
struct RecoveryPlan {
    private(set) var adopted: [VolumeRecord] = []
    /// Handles in ``adopted`` whose records on disk say something else.
    private(set) var changed: Set<String> = []
    private(set) var givenUp: [VolumeRecovery.Loss] = []
    private(set) var damaged: [VolumeRecovery.Loss] = []

    /// - Parameters:
    ///   - records: of `live/`, whole ones
    ///   - layers: that are on disk
    ///   - bootID: of now
    init(_ records: [VolumeRecord], layers: Set<String>, bootID: String) {
        var owners: [String: Owners] = [:]
        var kept: [VolumeRecord] = []
        for record in records.sorted(by: { $0.handle < $1.handle }) {
            if let boot = record.writtenSince, boot != bootID {
                givenUp.append(
                    VolumeRecovery.Loss(
                        handle: record.handle,
                        reason: "it was being written to when the host went down (boot \(boot))"))
                continue
            }
            if let reason = RecoveryPlan.flaw(record, layers, owners) {
                damaged.append(VolumeRecovery.Loss(handle: record.handle, reason: reason))
                continue
            }
            for layer in record.stack.layers { owners[layer.id] = layer.owners }
            kept.append(record)
        }
        var uses: [String: Int] = [:]
        for layer in kept.flatMap(\.stack.layers) { uses[layer.id, default: 0] += 1 }
        adopted = kept.map { record in
            var record = record
            // A layer of several volumes never takes changes, whatever was lost of the record that said so.
            if let top = record.stack.writable, uses[top.id, default: 0] > 1 {
                record.stack.isSealed = true
                changed.insert(record.handle)
            }
            return record
        }
    }

    private static func flaw(_ record: VolumeRecord, _ layers: Set<String>, _ owners: [String: Owners]) -> String? {
        for layer in record.stack.layers {
            if !layers.contains(layer.id) { return "its layer \(layer.id) is missing" }
            if let other = owners[layer.id], other != layer.owners {
                return "another volume says that the owners in layer \(layer.id) are \(other.rawValue)"
            }
        }
        return nil
    }
}
