public import Kernel
internal import Synchronization

/// The volumes of one directory: records on disk, layers beneath them, mounts on demand.
///
/// Calls block and may come from any number of threads. What changes a volume holds that volume's gate, what looks
/// holds the table for a moment; a gate is never waited for with the table held, and only a volume that is being made
/// waits for another one's gate, so nobody waits in a circle.
///
/// Every change is one rename: whoever dies at any point leaves the former state or the next one, and what lies about
/// besides is found at the start.
public final class VolumeStore: Sendable {
    /// How a store works.
    public struct Settings: Sendable {
        /// Absolute path of the directory, `<work-dir>/volumes`.
        public var path: String
        /// Whether unprivileged containers have a user namespace; else all volumes show plain owners.
        public var userNamespaces = true
        /// Whether privileged containers have one as well, so that their volumes show shifted owners, too.
        public var shiftsPrivileged = false
        /// Whether every volume is mounted at its path in this process's mount namespace, for servers of containers
        /// that know paths alone.
        public var attachesAtPath = false
        /// Milliseconds from the last write to the moment at which everything is brought to the disk; nil: only when
        /// ``VolumeStore/synchronize()`` is called.
        public var syncDelay: UInt64? = 5000
        /// What stays free of the disk; nil for the usual reserve.
        public var reserve: SpaceReserve.Size?
        /// Which boot this is, nil to ask the kernel; volumes with unsynchronised contents of another one are given up.
        public var bootID: String?

        /// Passed before every change on disk or of mounts.
        var checkpoint: @Sendable (StaticString) throws -> Void = { _ in }

        /// Describes a store with the usual settings.
        public init(path: String) { self.path = path }
    }

    /// More layers than this are copied into one: an overlay takes 500, and each costs time in every look-up.
    static let layersMax = 400

    let settings: Settings
    let bootID: String
    let maps: OwnerMaps
    let features: Features
    let files: VolumeFiles
    let mounts: VolumeMounts
    let reserve: SpaceReserve
    let table = Mutex(VolumeTable())
    let processes = Mutex<@Sendable (String) -> Int32?>({ _ in nil })
    let synchronizer: VolumeSynchronizer

    /// Opens a store, which is made when there is none; nothing is read before ``recover()``.
    /// - Throws: ``VolumeStoreError`` of kind invalid when the directory is somebody else's
    public init(_ settings: Settings, maps: OwnerMaps, features: Features) throws {
        guard settings.path.hasPrefix("/") else {
            throw VolumeStoreError(.invalid, "\(settings.path): not an absolute path")
        }
        self.settings = settings
        self.maps = maps
        self.features = features
        bootID = try settings.bootID ?? VolumeStore.currentBootID()
        files = try VolumeFiles(settings.path, checkpoint: settings.checkpoint)
        mounts = try VolumeMounts(volumes: files.root, maps: maps, features: features)
        reserve = SpaceReserve(directory: files.root, size: settings.reserve)
        synchronizer = VolumeSynchronizer(delay: settings.syncDelay)
    }

    /// How the pid of a container's process 1 is found by its handle, to make its mounts read-only; nil when it is not
    /// known, so that they cannot be found, and 0 when the container has none any more.
    public var processOf: @Sendable (String) -> Int32? {
        get { processes.withLock { $0 } }
        set { processes.withLock { $0 = newValue } }
    }

    // MARK: Looking

    /// All volumes in the order of their handles; from memory.
    public func list() -> [VolumeRecord] {
        table.withLock { $0.entries.values.filter { $0.stage == .live }.map(\.record) }.sorted { $0.handle < $1.handle }
    }

    /// One volume; from memory.
    public func find(_ handle: String) -> VolumeRecord? { table.withLock { $0[live: handle]?.record } }

    /// The path by which clients name a volume.
    public func path(of handle: String) -> String { "\(settings.path)/live/\(handle)/volume" }

    /// The volume that a path lies in by its name, be there such a volume or not, and the rest of the path, empty for
    /// the volume's root; nil when it is none of ours.
    ///
    /// The rest may hold `..` and lead through links: it means what it means inside the volume.
    public func resolve(path: String) -> (handle: String, rest: String)? {
        let (base, names) = (VolumeStore.components(settings.path), VolumeStore.components(path))
        guard path.hasPrefix("/"), names.count >= base.count + 3, names.starts(with: base) else { return nil }
        let inner = names.dropFirst(base.count)
        let (state, handle, volume) = (inner[base.count], inner[base.count + 1], inner[base.count + 2])
        guard state == "live", volume == "volume", PathName.isValid(String(handle)) else { return nil }
        return (String(handle), inner.dropFirst(3).joined(separator: "/"))
    }

    private static func components(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }

    private static func currentBootID() throws -> String {
        let text = try KernelFile.read("/proc/sys/kernel/random/boot_id")
        return String(text.prefix { $0 != "\n" })
    }

    /// Whether the volume's layers are mounted as one already, so that the next mount of it is only a copy.
    public func isMounted(_ handle: String) -> Bool { mounts.isMounted(handle) }

    // MARK: Changing

    /// Sets a property, on disk when this returns.
    public func setProperty(_ handle: String, _ key: String, to value: String) throws {
        try exclusively(handle) { record in
            var record = record
            record.properties = (record.properties ?? [:]).merging([key: value]) { $1 }
            try rewrite(record)
        }
    }

    /// Runs something that changes a volume, or needs it not to change meanwhile.
    /// - Throws: kind unknown; everything else as an error of the store
    func exclusively<Result: ~Copyable & Sendable>(
        _ handle: String, _ body: (VolumeRecord) throws -> Result
    ) throws -> Result {
        guard let gate = table.withLock({ $0[live: handle]?.gate }) else { throw VolumeStoreError.unknown(handle) }
        return try gate.lock.withLock { _ in
            // The volume may be gone since, even replaced by another one of the same handle.
            guard let entry = table.withLock({ $0[live: handle] }), entry.gate === gate else {
                throw VolumeStoreError.unknown(handle)
            }
            do { return try body(entry.record) } catch { throw VolumeStoreError(wrapping: error, handle: handle) }
        }
    }

    /// Puts another record in the place of a live volume's, durably, and lets go of layers that only the former named.
    func rewrite(_ record: VolumeRecord) throws {
        var dead: [String] = []
        try files.rewrite(record) { dead = table.withLock { $0.replace(record) } }
        files.buryLayers(dead)
    }

    /// How a volume shows owners.
    func owners(isPrivileged: Bool) -> Owners {
        settings.userNamespaces && (!isPrivileged || settings.shiftsPrivileged) ? .shifted : .plain
    }
}
