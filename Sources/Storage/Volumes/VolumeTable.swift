internal import Synchronization

/// One at a time may change a volume or depend on it not changing; held during system calls, never with the table.
final class VolumeGate: Sendable {
    let lock = Mutex(())
}

/// All that the store knows of its volumes, for its short global lock: nothing here does any input or output.
struct VolumeTable {
    enum Stage {
        /// Nobody else knows of it yet; its record says only which layers it holds.
        case making
        case live
        case destroying
    }

    struct Entry {
        var record: VolumeRecord
        var stage: Stage
        let gate: VolumeGate
        /// Who has it mounted, and whether for writing.
        var users: [VolumeUser: Bool] = [:]
        /// Users with an overlay that nobody else can have.
        var lost: [VolumeUser: LostOverlay] = [:]
        /// Rises with every chance to write; tells whether a synchronisation has seen everything.
        var writes: UInt64 = 0

        var isWritten: Bool { users.values.contains(true) }
    }

    private(set) var entries: [String: Entry] = [:]
    private var layerUses: [String: Int] = [:]
    private var handles: [VolumeUser: Set<String>] = [:]

    /// The volume, if it is published.
    subscript(live handle: String) -> Entry? {
        guard let entry = entries[handle], entry.stage == .live else { return nil }
        return entry
    }

    /// Takes a handle for a volume that is to be made.
    mutating func reserve(_ record: VolumeRecord) throws(VolumeStoreError) {
        if let taken = entries[record.handle] {
            if taken.stage == .destroying {
                throw VolumeStoreError(
                    .beingDestroyed, "volume \(record.handle) is being destroyed", handle: record.handle)
            }
            throw VolumeStoreError(.exists, "a volume with the handle \(record.handle) exists", handle: record.handle)
        }
        insert(record, .making)
    }

    mutating func insert(_ record: VolumeRecord, _ stage: Stage) {
        entries[record.handle] = Entry(record: record, stage: stage, gate: VolumeGate())
        retain(record.stack.layers)
    }

    mutating func publish(_ handle: String) { entries[handle]?.stage = .live }

    mutating func setStage(_ handle: String, _ stage: Stage) { entries[handle]?.stage = stage }

    /// Puts another record in the place of a volume's; returns the layers that nobody names any more.
    mutating func replace(_ record: VolumeRecord) -> [String] {
        guard let former = entries[record.handle]?.record else { return [] }
        entries[record.handle]?.record = record
        retain(record.stack.layers)
        return release(former.stack.layers)
    }

    /// Forgets a volume; returns the layers that nobody names any more.
    mutating func remove(_ handle: String) -> [String] {
        guard let entry = entries.removeValue(forKey: handle) else { return [] }
        for user in entry.users.keys { forget(user, handle) }
        return release(entry.record.stack.layers)
    }

    // MARK: Layers

    /// Keeps layers from being deleted, whether they exist already or not.
    mutating func retain(_ layers: [Layer]) {
        for layer in layers { layerUses[layer.id, default: 0] += 1 }
    }

    /// The reverse of ``retain(_:)``; returns the layers that nobody names any more.
    mutating func release(_ layers: [Layer]) -> [String] {
        var dead: [String] = []
        for layer in layers {
            guard let count = layerUses[layer.id] else { continue }
            layerUses[layer.id] = count > 1 ? count - 1 : nil
            if count == 1 { dead.append(layer.id) }
        }
        return dead
    }

    func uses(ofLayer id: String) -> Int { layerUses[id] ?? 0 }

    // MARK: Users

    mutating func use(_ handle: String, by user: VolumeUser, writable: Bool) {
        guard entries[handle] != nil else { return }
        let isWritable = writable || entries[handle]?.users[user] == true
        entries[handle]?.users[user] = isWritable
        if isWritable { entries[handle]?.writes += 1 }
        handles[user, default: []].insert(handle)
    }

    /// Says that the volume's overlay is where only this user has it.
    mutating func setLost(_ handle: String, by user: VolumeUser, _ overlay: LostOverlay) {
        entries[handle]?.lost[user] = overlay
    }

    /// Says that nobody can write any more through what is mounted now.
    mutating func setFrozen(_ handle: String) {
        guard let users = entries[handle]?.users else { return }
        entries[handle]?.users = users.mapValues { _ in false }
    }

    /// Ends all uses of a user; true when a volume lost its last writer by it.
    mutating func release(_ user: VolumeUser) -> Bool {
        var isSettled = false
        for handle in handles.removeValue(forKey: user) ?? [] {
            entries[handle]?.lost[user] = nil
            let wasWritable = entries[handle]?.users.removeValue(forKey: user) == true
            if wasWritable, let entry = entries[handle], !entry.isWritten { isSettled = true }
        }
        return isSettled
    }

    private mutating func forget(_ user: VolumeUser, _ handle: String) {
        handles[user]?.remove(handle)
        if handles[user]?.isEmpty == true { handles[user] = nil }
    }
}
