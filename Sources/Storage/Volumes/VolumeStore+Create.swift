public import Kernel
internal import Synchronization
public import Telemetry

extension VolumeStore {
    /// What a new volume holds.
    public enum Source {
        /// Nothing.
        case empty
        /// What another volume holds; changes of either are not seen in the other.
        case copy(of: String)
        /// The files beneath a directory in another volume, resolved with that volume as the root.
        case subtree(of: String, path: String)
        /// The files in a directory of the host.
        case tree(Directory, followsSymlinks: Bool)
        /// What the closure writes to the mount that it is given: an empty directory with plain owners.
        case archive((borrowing MountTree) throws -> Void)
    }

    /// Makes a volume and publishes it: on disk when this returns.
    /// - Parameters:
    ///   - handle: 1 to 255 bytes without slash or NUL, neither `.` nor `..`
    ///   - owner: of every file, as a container sees it
    ///   - strategy: how the request called it, for people
    ///   - span: of phase volume.create; the steps become its phases
    ///
    /// A task that is cancelled does not finish copying.
    /// - Throws: kinds invalid, exists, beingDestroyed, unknownParent, noSuchFile, noSpace, failed
    @discardableResult
    public func create(
        _ handle: String, _ source: Source, isPrivileged: Bool, properties: [String: String]?,
        owner: (uid: UInt32, gid: UInt32)? = nil, strategy: String, span: PhaseSpan
    ) throws -> VolumeRecord {
        guard PathName.isValid(handle) else {
            throw VolumeStoreError(
                .invalid, "a handle has 1 to \(PathName.bytesMax) bytes, no slash and no NUL, and is neither . nor ..",
                handle: handle)
        }
        do throws(KernelError) { try reserve.check(for: "volume \(handle)") } catch {
            throw VolumeStoreError(error, handle: handle)
        }
        let record = VolumeRecord(
            handle: handle, stack: LayerStack(owners: owners(isPrivileged: isPrivileged)), properties: properties,
            isPrivileged: isPrivileged, strategy: strategy, created: realTime(), context: span.context)
        try table.withLock { (table) throws(VolumeStoreError) in try table.reserve(record) }
        do { return try build(record, source, owner, span) } catch {
            // Whatever was made so far is of no use; what cannot be undone now is at the next start.
            try? closeMounts(handle)
            files.abandon(handle)
            files.buryLayers(table.withLock { $0.remove(handle) })
            throw VolumeStoreError(wrapping: error, handle: handle)
        }
    }

    private func build(
        _ draft: VolumeRecord, _ source: Source, _ owner: (uid: UInt32, gid: UInt32)?, _ span: PhaseSpan
    ) throws -> VolumeRecord {
        var phases = span.phases()
        try files.begin(draft.handle)
        let filled: VolumeRecord
        switch source {
        case .empty: filled = draft
        case .copy(let parent):
            filled = try phases.run(.volumeSeal) { span in try share(parent, with: draft, span) }
        case .subtree, .tree, .archive:
            filled = try phases.run(.volumeImport) { span in try importing(source, into: draft, span) }
        }
        var finished = filled
        if let owner {
            finished = try phases.run(.volumeOwners) { span in try setOwner(owner, of: filled, span) }
        }
        hold(finished)
        let record = finished
        try phases.run(.stateCommit) { span in
            span.set("apron.volume.layers", record.stack.layers.count)
            try files.publish(record)
        }
        table.withLock { $0.publish(record.handle) }
        if record.writtenSince != nil { noteWritten() }
        if !settings.attachesAtPath { return record }
        do { try phases.run(.volumeMount) { _ in try exclusively(record.handle) { try attach($0) } } } catch {
            try? destroy(record.handle)
            throw error
        }
        return find(record.handle) ?? record
    }

    /// Names another volume's layers in a new one.
    private func share(_ parent: String, with draft: VolumeRecord, _ span: PhaseSpan) throws -> VolumeRecord {
        let sealed = try withParent(parent, of: draft) { source in
            let sealed = try seal(source, for: draft.handle, span)
            var child = draft
            child.parent = parent
            // What has not reached the disk yet is not safer for having another name.
            child.writtenSince = sealed.wasCopied ? bootID : source.writtenSince
            child.stack = sealed.stack
            // From here on the layers stay, whatever becomes of the parent.
            hold(child)
            return child
        }
        var record = sealed
        record.stack.owners = draft.stack.owners
        let needsCopy =
            sealed.stack.layers.count > VolumeStore.layersMax
            || !features.has(.idMap) && sealed.stack.layers.contains { $0.owners != record.stack.owners }
        return needsCopy ? try flatten(record, shownAs: sealed.stack.owners, span, commit: hold) : record
    }

    /// Runs `body` while the parent cannot change.
    private func withParent<Result: ~Copyable & Sendable>(
        _ parent: String, of child: VolumeRecord, _ body: (VolumeRecord) throws -> Result
    ) throws -> Result {
        do { return try exclusively(parent, body) } catch let error as VolumeStoreError where error.kind == .unknown {
            throw VolumeStoreError(.unknownParent, "unknown parent volume: \(parent)", handle: child.handle)
        }
    }

    private func importing(_ source: Source, into draft: VolumeRecord, _ span: PhaseSpan) throws -> VolumeRecord {
        var options = TreeCopy.Options()
        switch source {
        case .tree(let directory, let followsSymlinks):
            options.followsSymlinks = followsSymlinks
            return try fill(draft, .plain, span) { files in
                try TreeCopy.copy(directory, into: files, options: options, isCancelled: VolumeStore.isCancelled)
            }
        case .subtree(let parent, let path):
            guard let shown = find(parent)?.stack.owners else {
                throw VolumeStoreError(.unknownParent, "unknown parent volume: \(parent)", handle: draft.handle)
            }
            let reader = VolumeUser.creation(of: draft.handle)
            defer { release(reader) }

            let tree = try mount(parent, rest: path, writable: false, unprivileged: false, user: reader)
            let directory = try tree.root()
            var child = draft
            child.parent = parent
            return try fill(child, shown, span) { files in
                try TreeCopy.copy(directory, into: files, options: options, isCancelled: VolumeStore.isCancelled)
            }
        case .archive(let unpack):
            return try fill(draft, .plain, span) { files in
                try unpack(try MountTree.clone(files))
                return nil
            }
        case .empty, .copy: return draft
        }
    }

    /// Fills the only layer of a new volume.
    private func fill(
        _ draft: VolumeRecord, _ owners: Owners, _ span: PhaseSpan, _ body: (Directory) throws -> TreeCount?
    ) throws -> VolumeRecord {
        var record = draft
        let layer = Layer(id: LayerID.random(), owners: owners)
        record.stack.layers = [layer]
        record.writtenSince = bootID
        hold(record)
        let root = maps.onDisk(0, owners)
        let directory = try files.makeLayer(layer.id, mode: VolumeFiles.rootMode, uid: root, gid: root)
        if let count = try files.step("fill", { try body(directory) }) {
            span.set {
                $0.set("apron.files", count.files)
                $0.set("apron.bytes", count.bytes)
            }
        }
        if owners != record.stack.owners && !features.has(.idMap) {
            record.stack.layers = [try translate(layer, to: record.stack.owners, span)]
        }
        return record
    }

    /// Gives everything in a new volume one owner.
    private func setOwner(
        _ owner: (uid: UInt32, gid: UInt32), of draft: VolumeRecord, _ span: PhaseSpan
    ) throws -> VolumeRecord {
        let (uid, gid) = (maps.onDisk(owner.uid, draft.stack.owners), maps.onDisk(owner.gid, draft.stack.owners))
        var record = draft
        if draft.stack.writable == nil {
            let layer = Layer(id: LayerID.random(), owners: draft.stack.owners)
            record = try reserving(layer) {
                let pushed = try push(layer, on: draft)
                hold(pushed)
                return pushed
            }
        }
        if draft.stack.layers.isEmpty, let layer = record.stack.writable {
            span.set("apron.method", "root")
            let directory = try files.files(ofLayer: layer.id)
            try files.step("chown root") { try directory.chown(uid: uid, gid: gid) }
            return record
        }
        span.set("apron.method", "chown")
        let tree = try openMounts(record.handle, record.stack, writable: true, unprivileged: false)
        let root = try tree.root()
        let count = try files.step("chown") {
            try TreeOwnership.set(uid: uid, gid: gid, of: root, isCancelled: VolumeStore.isCancelled)
        }
        span.set("apron.files", count.files)
        return record
    }

    /// Whether nobody waits for the volume that this task makes.
    static func isCancelled() -> Bool { Task.isCancelled }

    /// Says in the table which layers a volume that is being made has, so that nobody deletes them.
    func hold(_ record: VolumeRecord) { files.buryLayers(table.withLock { $0.replace(record) }) }
}
