internal import Kernel
internal import Runtime
internal import Storage
internal import Synchronization

/// What containers and clients share of the worker's volumes.
final class VolumeFacilities: Sendable {
    let settings: VolumeSettings
    let store: VolumeStore
    let files: CreationFiles
    let spans: OpenSpanFiles
    /// The settings' directory without links.
    private let realDirectory: String
    /// The program that packs and unpacks archives, opened once.
    let archiveProgram: SharedDescriptor
    /// The namespace that unprivileged containers' ids are mapped by.
    private let userNamespace: SharedDescriptor
    private let containers = Mutex<[String: Holder]>([:])
    private let recovery = Mutex<VolumeRecovery?>(nil)
    private let streams = Atomic<UInt64>(0)

    /// Who has a container's mounts.
    private enum Holder {
        /// This process, until process 1 has attached them.
        case launch
        case processOne(ContainerKernel)
    }

    /// Opens the volumes below the settings' directory. Call ``recover()`` before anybody uses one. Blocks.
    /// - Parameters:
    ///   - userNamespace: as unprivileged containers have it
    ///   - inverse: maps the other way round
    init(
        _ settings: VolumeSettings, containerRoot: UInt32, userNamespace: SharedDescriptor, inverse: SharedDescriptor,
        features: Features
    ) throws {
        self.settings = settings
        self.userNamespace = userNamespace
        let maps = OwnerMaps(containerRoot: containerRoot, shifting: userNamespace, unshifting: inverse)
        try DirectoryClaim.makeDirectories(settings.directory)
        var storeSettings = VolumeStore.Settings(path: settings.directory)
        storeSettings.userNamespaces = settings.usesUserNamespaces
        storeSettings.shiftsPrivileged = settings.shiftsPrivileged
        storeSettings.attachesAtPath = settings.attachesAtPath
        storeSettings.reserve = settings.reserve
        store = try VolumeStore(storeSettings, maps: maps, features: features)
        let directory = try Directory(settings.directory)
        realDirectory = try directory.withDescriptor { (descriptor) throws(KernelError) in try descriptor.realPath() }
        files = try CreationFiles(below: directory)
        spans = try OpenSpanFiles(below: directory)
        archiveProgram = SharedDescriptor(try KernelFile.open(settings.archivePath))
        // Weak: the store is ours.
        store.processOf = { [weak self] in self?.processOne(of: $0) }
    }

    /// Reads what an earlier worker has left and finishes or undoes what it was about to do; once. Blocks.
    func recover() throws -> VolumeRecovery {
        try recovery.withLock { recovery in
            if let recovery { return recovery }
            let report = try store.recover()
            recovery = report
            return report
        }
    }

    /// Brings what was written to the disk and, if no container lives, lets all mounts go. Blocks.
    func tearDown(isIdle: Bool) throws {
        if isIdle, !settings.attachesAtPath { try store.release() } else { try store.synchronize() }
    }

    // MARK: users

    /// Names a stream for as long as it uses a volume.
    func newStream() -> VolumeUser { .stream(streams.add(1, ordering: .relaxed).newValue) }

    /// Mounts are being made for the container.
    func noteLaunch(of container: String) { containers.withLock { $0[container] = .launch } }

    /// The container's process 1 has the mounts from now on.
    func note(_ kernel: ContainerKernel, of container: String) {
        containers.withLock { $0[container] = .processOne(kernel) }
    }

    /// Nobody has mounts of the container; it may be started again, so that its volumes stay in use.
    func noteEnd(of container: String) { containers.withLock { $0[container] = nil } }

    /// The container is gone, and its mounts with it.
    func release(container: String) {
        noteEnd(of: container)
        store.release(.container(container))
    }

    /// As ``VolumeStore/processOf``.
    private func processOne(of container: String) -> Int32? {
        containers.withLock { containers in
            switch containers[container] {
            case nil: 0
            case .launch: nil
            case .processOne(let kernel): kernel.hasEnded ? 0 : kernel.process.pid
            }
        }
    }

    // MARK: paths

    /// The live volume that a path of the host lies in, and the rest of the path; nil for any other path.
    /// - Throws: unknownParent for a path below the volumes' directory that lies in no live volume
    func volume(at path: String) throws(VolumeError) -> (handle: String, rest: String)? {
        if let place = store.resolve(path: path) { return try living(place, path) }
        // By a link or `..` it may lead there all the same; what it lacks is said by whoever opens it.
        guard let opened = try? Descriptor(opening: path, .path), let real = try? opened.realPath() else { return nil }
        guard real == realDirectory || real.hasPrefix(realDirectory + "/") else { return nil }
        let inside = settings.directory + real.dropFirst(realDirectory.count)
        guard let place = store.resolve(path: inside) else {
            throw VolumeError(.unknownParent, "\(path) lies among the worker's volumes, but in none of them")
        }
        return try living(place, path)
    }

    private func living(
        _ place: (handle: String, rest: String), _ path: String
    ) throws(VolumeError) -> (handle: String, rest: String) {
        if store.find(place.handle) != nil { return place }
        throw VolumeError(
            .unknownParent, "\(path): volume \(place.handle) does not exist", handle: place.handle)
    }

    // MARK: archives

    /// Where archives of a volume are packed and unpacked, so that they hold the ids that containers see; nil: here.
    func archiveNamespace(of record: VolumeRecord) -> SharedDescriptor? {
        record.stack.owners == .shifted ? userNamespace : nil
    }
}

extension Descriptor {
    /// Where the object lies now, as the kernel says it (proc_pid_fd(5)).
    fileprivate borrowing func realPath() throws(KernelError) -> String {
        try Directory("/proc/self/fd").readLink("\(number)")
    }
}
