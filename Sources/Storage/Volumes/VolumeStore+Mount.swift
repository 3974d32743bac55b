public import Kernel
internal import Synchronization
internal import Telemetry

extension VolumeStore {
    /// A volume, or what lies at a path in it, as a detached mount.
    ///
    /// The volume cannot be destroyed until ``release(_:)`` of the user; a mount that failed is no use.
    /// - Parameters:
    ///   - rest: path from the volume's root, resolved with it as the root; empty for the whole. A file is possible
    ///   - writable: makes a layer for changes when there is none
    ///   - unprivileged: device nodes in it do not work
    /// - Throws: kinds unknown, noSuchFile, failed
    public func mount(
        _ handle: String, rest: String = "", writable: Bool, unprivileged: Bool, user: VolumeUser
    ) throws -> MountTree {
        try exclusively(handle) { record in
            let record = writable ? try makeWritable(record) : record
            let tree: MountTree
            do {
                tree = try openMounts(
                    handle, record.stack, rest: VolumeStore.trimmed(rest), writable: writable,
                    unprivileged: unprivileged)
            } catch let error as KernelError where !rest.isEmpty && VolumeStore.isAbsence(error.errno) {
                throw VolumeStoreError(
                    .noSuchFile, "volume \(handle): \(rest): \(error.errno)", handle: handle, cause: error)
            }
            table.withLock { $0.use(handle, by: user, writable: writable) }
            return tree
        }
    }

    /// Empty for what means the root itself.
    private static func trimmed(_ rest: String) -> String {
        rest.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private static func isAbsence(_ errno: ErrorNumber) -> Bool {
        [.noEntry, .notDirectory, .tooManyLinks, .nameTooLong].contains(errno)
    }

    /// Ends all uses of a user; what was written is brought to the disk soon.
    public func release(_ user: VolumeUser) {
        if table.withLock({ $0.release(user) }) { noteWritten() }
    }

    /// Removes a volume; its files are deleted in the background, except for layers that others have too.
    /// - Throws: kinds unknown, beingDestroyed, inUse with the user, failed
    public func destroy(_ handle: String) throws {
        guard let entry = table.withLock({ $0.entries[handle] }), entry.stage != .making else {
            throw VolumeStoreError.unknown(handle)
        }
        if entry.stage == .destroying {
            throw VolumeStoreError(.beingDestroyed, "volume \(handle) is being destroyed", handle: handle)
        }
        try exclusively(handle) { record in
            let users = table.withLock { table in
                let users = (table[live: handle]?.users ?? [:]).keys.map(\.description).sorted()
                if users.isEmpty { table.setStage(handle, .destroying) }
                return users
            }
            guard users.isEmpty else {
                throw VolumeStoreError(
                    .inUse, "volume \(handle) is in use by \(users.joined(separator: ", "))", handle: handle)
            }
            do {
                if settings.attachesAtPath { try detach(handle) }
                try closeMounts(handle)
                try files.withdraw(handle)
            } catch {
                table.withLock { $0.setStage(handle, .live) }
                throw error
            }
            let dead = table.withLock { $0.remove(handle) }
            if dead.isEmpty { return }
            // A volume that a power cut brings back must find its layers. What is not deleted now is an orphan later.
            try files.synchronizeLive()
            files.buryLayers(dead)
        }
    }

    // MARK: What lies beneath

    func openMounts(
        _ handle: String, _ stack: LayerStack, rest: String = "", writable: Bool, unprivileged: Bool
    ) throws -> MountTree {
        try refuseSecondOverlay(handle, stack)
        return try files.step("open mounts") {
            try traced(.overlayMount) { (span) throws(KernelError) in
                span.set("apron.volume.layers", stack.layers.count)
                return try mounts.open(handle, stack, rest: rest, writable: writable, unprivileged: unprivileged)
            }
        }
    }

    func closeMounts(_ handle: String) throws { try files.step("close mounts") { try mounts.close(handle) } }
}
