internal import Kernel

/// The store's directories and every change that it makes in them.
///
///     volumes/
///         format                   "apron volumes 1\n"
///         init/<handle>/           being made; swept at start
///         live/<handle>/           volume.json, and volume/: the empty directory whose path clients know
///         dead/                    being deleted
///         damaged/<handle>/        what could not be understood at a start; kept for people
///         layers/<id>/{files,work}
final class VolumeFiles: Sendable {
    let root: Directory
    let initial: Directory
    let live: Directory
    let damaged: Directory
    let layers: Directory
    let graveyard: Graveyard
    /// Passed before every change on disk; tests throw from it for ever from some point on, as if the process had died.
    let checkpoint: @Sendable (StaticString) throws -> Void

    /// What a record is written as before it gets its name.
    private static let aside = "volume.json.new"

    init(_ path: String, checkpoint: @escaping @Sendable (StaticString) throws -> Void) throws {
        self.checkpoint = checkpoint
        try DirectoryClaim.makeDirectories(path)
        root = try Directory(path)
        try VolumeFormat.claim(root)
        initial = try root.makeIfMissing("init", mode: 0o700)
        live = try root.makeIfMissing("live", mode: 0o700)
        damaged = try root.makeIfMissing("damaged", mode: 0o700)
        layers = try root.makeIfMissing("layers", mode: 0o700)
        graveyard = try Graveyard(root)
        try root.synchronize()
    }

    /// The mode of a volume's root that nobody has changed; as the stock worker makes it.
    static let rootMode: UInt32 = 0o755

    /// Does something that the kernel remembers after this process, unless the process has died by a test's will.
    func step<Result: ~Copyable>(_ name: StaticString, _ body: () throws -> Result) throws -> Result {
        try checkpoint(name)
        return try body()
    }

    // MARK: Volumes

    /// Makes the directory of a volume that is being made.
    func begin(_ handle: String) throws {
        if try initial.exists(handle) { try step("bury") { try graveyard.bury(handle, from: initial) } }
        let directory = try step("mkdir init") { try initial.make(handle, mode: 0o700) }
        _ = try step("mkdir volume") { try directory.make("volume") }
    }

    /// Publishes a volume: from the rename on it exists, and when this returns it does so after a power cut as well.
    ///
    /// The file and its name come to the disk before the rename can: a published directory always has a whole record.
    /// - Throws: after the rename too, when the disk fails; the volume is withdrawn then
    func publish(_ record: VolumeRecord) throws {
        let directory = try initial.open(record.handle)
        let file = try step("create record") {
            try directory.openFile(VolumeRecord.fileName, [.writeOnly, .create, .exclusive])
        }
        let bytes = try record.encoded()
        try step("write record") { try file.writeContents(bytes, "\(directory.path)/\(VolumeRecord.fileName)") }
        try step("fsync record") { try file.synchronize("\(directory.path)/\(VolumeRecord.fileName)") }
        try step("fsync init") { try directory.synchronize() }
        try step("rename to live") { try initial.rename(record.handle, to: live, record.handle, noReplace: true) }
        do { try step("fsync live") { try live.synchronize() } } catch {
            try? step("withdraw") { try graveyard.bury(record.handle, from: live) }
            throw error
        }
    }

    /// Throws away what was made of a volume that is not published.
    func abandon(_ handle: String) { try? step("abandon") { try graveyard.bury(handle, from: initial) } }

    /// Puts another record in the place of a volume's, on the disk when this returns.
    /// - Parameter replaced: called when the new record counts, even if the rest of the way to the disk fails
    func rewrite(_ record: VolumeRecord, replaced: () -> Void) throws {
        let directory = try live.open(record.handle)
        let bytes = try record.encoded()
        let file = try step("create aside") {
            // What a dead process left there is overwritten; nobody else writes here at the same time.
            try directory.openFile(VolumeFiles.aside, [.writeOnly, .create, .truncate])
        }
        try step("write aside") { try file.writeContents(bytes, "\(directory.path)/\(VolumeFiles.aside)") }
        try step("fsync aside") { try file.synchronize("\(directory.path)/\(VolumeFiles.aside)") }
        try step("rename record") { try directory.rename(VolumeFiles.aside, to: directory, VolumeRecord.fileName) }
        replaced()
        try step("fsync volume") { try directory.synchronize() }
    }

    /// Takes a published volume out of sight.
    func withdraw(_ handle: String) throws { try step("bury volume") { try graveyard.bury(handle, from: live) } }

    /// Makes sure that withdrawn volumes stay so, before their layers go.
    func synchronizeLive() throws { try step("fsync live") { try live.synchronize() } }

    // MARK: Layers

    /// Makes a layer with an empty `files`, and returns that.
    func makeLayer(_ id: String, mode: UInt32, uid: UInt32, gid: UInt32) throws -> Directory {
        let layer = try step("mkdir layer") { try layers.make(id, mode: 0o700) }
        _ = try step("mkdir work") { try layer.make("work", mode: 0o700) }
        return try step("mkdir files") {
            let files = try layer.make("files", mode: mode)
            try files.chown(uid: uid, gid: gid)
            // A change of owner clears set-id bits.
            if mode > 0o777 { try files.setMode(mode) }
            return files
        }
    }

    /// The directory with a layer's files.
    func files(ofLayer id: String) throws(KernelError) -> Directory { try layers.open("\(id)/files") }

    /// Has layers deleted; what fails here is found as an orphan later.
    func buryLayers(_ ids: [String]) {
        for id in ids { try? step("bury layer") { try graveyard.bury(id, from: layers) } }
    }

    /// The ids of all layers on disk.
    func layerIDs() throws -> Set<String> { Set(try layers.entries().filter(LayerID.isValid)) }
}
