import Kernel
import Synchronization
import Telemetry
import TestSupport

@testable import Storage

/// A directory of volumes that stores come and go on, as a worker's processes do.
final class VolumeStoreSite: Sendable {
    /// What a store throws from the moment on at which its process has died.
    struct Died: Error {}

    let scratch: Scratch
    let path: String
    let maps: OwnerMaps
    let features: Features
    private let stepsLeft = Mutex<Int?>(nil)
    private let stepsDone = Mutex<[String]>([])
    private let current = Mutex<VolumeStore?>(nil)
    private let adjust: @Sendable (inout VolumeStore.Settings) -> Void

    init(
        in base: String = "/dev/shm", disabled: String = "",
        _ adjust: @escaping @Sendable (inout VolumeStore.Settings) -> Void = { _ in }
    ) throws {
        scratch = try Scratch(in: base)
        path = "\(scratch.path)/volumes"
        self.adjust = adjust
        let inverse = "1 1 \(UserNamespace.rootID - 1)\n\(UserNamespace.rootID) 0 1\n"
        let shifting = SharedDescriptor(try UserNamespace().release())
        maps = OwnerMaps(
            containerRoot: UserNamespace.rootID, shifting: shifting,
            unshifting: SharedDescriptor(try UserNamespace(map: inverse).release()))
        let directory = scratch.directory
        features = try shifting.with { (namespace) throws(KernelError) in
            try Features.probe(userNamespace: namespace, workDirectory: directory, disabled: disabled)
        }
    }

    deinit {
        let store = current.withLock { $0 }
        store?.files.graveyard.waitUntilEmpty()
        do { try store?.release() } catch { print("the namespace of volumes is left over: \(error)") }
    }

    /// A new process: what the last one had in memory is gone.
    @discardableResult
    func start(
        _ boot: String = "boot-1", dyingAfter steps: Int? = nil
    ) throws -> (store: VolumeStore, recovery: VolumeRecovery) {
        stepsDone.withLock { $0 = [] }
        stepsLeft.withLock { $0 = steps }
        var settings = VolumeStore.Settings(path: path)
        settings.syncDelay = nil
        settings.bootID = boot
        settings.checkpoint = { [weak self] in try self?.pass($0) }
        adjust(&settings)
        let former = current.withLock { current in
            defer { current = nil }
            return current
        }
        former?.files.graveyard.waitUntilEmpty()
        let store = try VolumeStore(settings, maps: maps, features: features)
        let recovery = try store.recover()
        current.withLock { $0 = store }
        return (store, recovery)
    }

    /// Lets the process of the store die after so many more changes.
    func dieAfter(_ steps: Int) {
        stepsDone.withLock { $0 = [] }
        stepsLeft.withLock { $0 = steps }
    }

    /// The changes since ``dieAfter(_:)``.
    var steps: [String] { stepsDone.withLock { $0 } }

    private func pass(_ step: StaticString) throws {
        try stepsLeft.withLock { left in
            guard let some = left else { return }
            if some == 0 { throw Died() }
            left = some - 1
        }
        stepsDone.withLock { $0.append("\(step)") }
    }

    /// Names of what lies in one of the store's directories.
    func names(_ directory: String) throws -> [String] {
        try Directory(path).open(directory).entries().sorted()
    }

    var layers: [String] { get throws { try names("layers") } }
}

extension VolumeStore {
    @discardableResult
    func make(
        _ handle: String, _ source: Source = .empty, isPrivileged: Bool = false,
        properties: [String: String]? = nil, owner: (uid: UInt32, gid: UInt32)? = nil
    ) throws -> VolumeRecord {
        try traced(.volumeCreate) { span in
            try create(
                handle, source, isPrivileged: isPrivileged, properties: properties, owner: owner, strategy: "test",
                span: span)
        }
    }

    /// Writes a file as a container would, and forgets the mount.
    func write(_ handle: String, _ name: String, _ text: String) throws {
        let user = VolumeUser.container("writer")
        defer { release(user) }

        let root = try mount(handle, writable: true, unprivileged: false, user: user).root()
        try root.write(name, Array(text.utf8))
        // The host's root is nobody in a volume for unprivileged containers.
        let owner = find(handle)?.stack.owners == .shifted ? maps.containerRoot : 0
        try root.chown(name, uid: owner, gid: owner)
    }

    /// A file's contents as a container sees them; nil when it is not there.
    func read(_ handle: String, _ name: String) throws -> String? {
        let user = VolumeUser.container("reader")
        defer { release(user) }

        let tree = try mount(handle, writable: false, unprivileged: false, user: user)
        return try tree.root().readIfPresent(name, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Owner and mode as a container sees them; of the root without a name.
    func status(_ handle: String, _ name: String? = nil) throws -> FileStatus {
        let user = VolumeUser.container("reader")
        defer { release(user) }

        let root = try mount(handle, writable: false, unprivileged: false, user: user).root()
        return try name.map { (name) throws(KernelError) in try root.status(name) } ?? root.status()
    }
}

/// The store's error that `body` throws; nil when it throws none or another kind.
func storeError<Result: ~Copyable>(_ body: () throws -> Result) -> VolumeStoreError? {
    do {
        _ = try body()
        return nil
    } catch { return error as? VolumeStoreError }
}
