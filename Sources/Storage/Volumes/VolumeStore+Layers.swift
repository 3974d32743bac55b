internal import Kernel
internal import Synchronization
internal import Telemetry

/// Making, sealing and merging layers. Everything here runs with the volume's gate held, or on a volume that nobody
/// else knows of yet.
extension VolumeStore {
    /// What a copy of a volume is made of.
    struct Sealed: Sendable {
        /// None of its layers takes changes any more.
        var stack: LayerStack
        /// Whether the topmost layer is a copy, since somebody still writes to the volume's.
        var wasCopied = false
    }

    /// Makes a volume's topmost layer unchangeable.
    ///
    /// When somebody holds a file open for writing, the child gets a copy of that layer instead, and the volume stays as
    /// it is.
    /// - Parameter child: the volume that is being made; nil: a busy layer is an error
    func seal(_ record: VolumeRecord, for child: String?, _ span: PhaseSpan) throws -> Sealed {
        guard let top = record.stack.writable else {
            span.set("apron.volume.seal", VolumeMounts.Seal.unused.rawValue)
            return Sealed(stack: record.stack)
        }
        let users = table.withLock { $0[live: record.handle]?.users ?? [:] }
        let outcome = try freeze(record, users)
        span.set("apron.volume.seal", outcome == .busy ? "copied" : outcome.rawValue)
        if outcome == .busy {
            guard let child else {
                let who = users.isEmpty ? "the host" : users.keys.map(\.description).sorted().joined(separator: ", ")
                throw VolumeStoreError(
                    .inUse, "volume \(record.handle): a process of \(who) has a file open for writing",
                    handle: record.handle)
            }
            return Sealed(stack: try copyTop(top, of: record, for: child, span), wasCopied: true)
        }
        table.withLock { $0.setFrozen(record.handle) }
        var sealed = record
        // Empty layers would make every chain of copies longer; users of the mount still need the directory.
        if users.isEmpty, try isUntouched(top, above: record.stack) { sealed.stack.layers.removeFirst() }
        sealed.stack.isSealed = !sealed.stack.layers.isEmpty
        // The next mount has a layer of its own on top.
        if settings.attachesAtPath { try detach(record.handle) }
        try closeMounts(record.handle)
        try rewrite(sealed)
        // For a change of the view it is attached when that is done.
        if settings.attachesAtPath, child != nil { try attach(sealed) }
        return Sealed(stack: sealed.stack)
    }

    private func freeze(_ record: VolumeRecord, _ users: [VolumeUser: Bool]) throws -> VolumeMounts.Seal {
        var pids: [Int32] = []
        let processOf = processOf
        for (user, isWritable) in users where isWritable {
            // A mount that is not attached anywhere cannot be reached, and may be written to at any moment.
            guard case .container(let handle) = user, let pid = processOf(handle) else { return .busy }
            if pid > 0 { pids.append(pid) }
        }
        if lostMount(of: record.handle, record.stack) != nil { return .busy }
        if settings.attachesAtPath, try isAttached(record.handle) { pids.append(CallingThread.process) }
        let (handle, stack) = (record.handle, record.stack)
        return try files.step("freeze") { try mounts.freeze(handle, stack, processes: pids) }
    }

    /// A child's stack with a copy of the topmost layer, which its writers keep.
    private func copyTop(
        _ top: Layer, of record: VolumeRecord, for child: String, _ span: PhaseSpan
    ) throws -> LayerStack {
        let source = try files.files(ofLayer: top.id)
        let layer = Layer(id: LayerID.random(), owners: top.owners)
        var stack = record.stack
        stack.layers[0] = layer
        stack.isSealed = true
        if var draft = table.withLock({ $0.entries[child]?.record }) {
            draft.stack = stack
            hold(draft)
        }
        var options = TreeCopy.Options()
        options.keepsOverlayAttributes = true
        try copy(source, to: layer, options, span)
        return stack
    }

    /// Whether a layer holds nothing and its root shows what would be seen without it.
    private func isUntouched(_ layer: Layer, above stack: LayerStack) throws -> Bool {
        let directory = try files.files(ofLayer: layer.id)
        guard try directory.isEmpty() else { return false }
        var below = stack
        below.layers.removeFirst()
        let status = try directory.status()
        let shown = RootAttributes(status, layer.owners).shown(as: stack.owners, maps)
        return shown == (try rootAttributes(of: below))
    }

    /// Owner and mode of the root of a volume as its mount shows them.
    func rootAttributes(of stack: LayerStack) throws -> RootAttributes {
        guard let top = stack.layers.first else {
            let root = maps.onDisk(0, stack.owners)
            return RootAttributes(mode: VolumeFiles.rootMode, uid: root, gid: root, owners: stack.owners)
        }
        return RootAttributes(try files.files(ofLayer: top.id).status(), top.owners).shown(as: stack.owners, maps)
    }

    /// Gives a live volume a layer that takes changes, unless it has one, and marks it as being written to. Both are on
    /// disk before anybody can write.
    ///
    /// Neither of the two calls of fsync(2) in that can be spared. Were the new record lost in a power cut, the volume
    /// would come back as it was before, empty perhaps, although a stream or a process has been told that it succeeded:
    /// it must be given up. And a name that came to the disk before what the file says would leave no record at all.
    func makeWritable(_ record: VolumeRecord) throws -> VolumeRecord {
        var record = record
        if record.stack.writable != nil {
            if record.writtenSince == bootID { return record }
            record.writtenSince = bootID
            try rewrite(record)
            return record
        }
        // What is mounted by this name now has no such layer.
        try closeMounts(record.handle)
        let layer = Layer(id: LayerID.random(), owners: record.stack.owners)
        return try reserving(layer) {
            let pushed = try push(layer, on: record)
            try rewrite(pushed)
            return pushed
        }
    }

    /// Runs `body` with a layer that is not deleted meanwhile, and afterwards only if no volume names it.
    func reserving<Result>(_ layer: Layer, _ body: () throws -> Result) rethrows -> Result {
        table.withLock { $0.retain([layer]) }
        defer { files.buryLayers(table.withLock { $0.release([layer]) }) }

        return try body()
    }

    /// A record with a fresh layer on top.
    func push(_ layer: Layer, on record: VolumeRecord) throws -> VolumeRecord {
        var record = record
        let root = try rootAttributes(of: record.stack)
        _ = try files.makeLayer(layer.id, mode: root.mode, uid: root.uid, gid: root.gid)
        record.stack.layers.insert(layer, at: 0)
        record.stack.isSealed = false
        record.writtenSince = bootID
        return record
    }

    /// Puts everything that a volume shows into one layer of its own, which needs no mapping.
    /// - Parameters:
    ///   - record: the volume as it shall be, still with the layers to be merged, none of which takes changes
    ///   - owners: how it shows owners until now
    ///   - commit: puts the record in place; the new layer is kept meanwhile, and afterwards if the record names it
    func flatten(
        _ record: VolumeRecord, shownAs owners: Owners, _ span: PhaseSpan, commit: (VolumeRecord) throws -> Void
    ) throws -> VolumeRecord {
        var shown = record.stack
        shown.owners = owners
        shown.isSealed = true
        let tree = try openMounts(record.handle, shown, writable: false, unprivileged: false)
        // What is mounted by this name will be another stack.
        defer { try? closeMounts(record.handle) }

        let layer = Layer(id: LayerID.random(), owners: owners)
        return try reserving(layer) {
            try copy(try tree.root(), to: layer, TreeCopy.Options(), span)
            span.set("apron.volume.merged", record.stack.layers.count)
            var merged = record
            merged.stack = LayerStack(
                layers: [try translate(layer, to: record.stack.owners, span)], owners: record.stack.owners)
            merged.writtenSince = bootID
            try commit(merged)
            return merged
        }
    }

    /// Rewrites the owners of all files of a layer that nobody else has.
    func translate(_ layer: Layer, to owners: Owners, _ span: PhaseSpan) throws -> Layer {
        if layer.owners == owners { return layer }
        let (directory, root) = (try files.files(ofLayer: layer.id), maps.containerRoot)
        let count = try files.step("translate") {
            try TreeOwnership.translate(layer.owners, to: owners, containerRoot: root, in: directory)
        }
        span.set {
            $0.set("apron.method", "chown")
            $0.set("apron.files", count.files)
        }
        return Layer(id: layer.id, owners: owners)
    }

    /// Makes a layer with a copy of a directory, its root's owner and mode included.
    @discardableResult
    func copy(
        _ source: Directory, to layer: Layer, _ options: TreeCopy.Options, _ span: PhaseSpan
    ) throws -> Directory {
        let root = try source.status()
        let target = try files.makeLayer(layer.id, mode: root.mode, uid: root.uid, gid: root.gid)
        let count = try files.step("copy tree") {
            try TreeCopy.copy(source, into: target, options: options, isCancelled: VolumeStore.isCancelled)
        }
        span.set {
            $0.set("apron.volume.copied.files", count.files)
            $0.set("apron.volume.copied.bytes", count.bytes)
        }
        return target
    }
}

/// Owner and mode of a directory, with the way in which the owner is written.
struct RootAttributes: Equatable {
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var owners: Owners
}

extension RootAttributes {
    init(_ status: FileStatus, _ owners: Owners) {
        self.init(mode: status.mode, uid: status.uid, gid: status.gid, owners: owners)
    }

    /// The same owner, written in another way.
    func shown(as view: Owners, _ maps: OwnerMaps) -> RootAttributes {
        if view == owners { return self }
        let (from, to) = view == .shifted ? (0, maps.containerRoot) : (maps.containerRoot, 0)
        return RootAttributes(
            mode: mode, uid: uid == from ? to : uid, gid: gid == from ? to : gid, owners: view)
    }
}
