public import Kernel
internal import Synchronization

/// The mounts of volumes: overlays that several containers share, in a mount namespace that outlives the daemon.
///
/// A file system that is mounted twice on the same upper directory loses files, so every volume has one overlay, ever:
/// at `mounts/<handle>` in a namespace whose root is the directory of all volumes and which is pinned as the file
/// `namespace` there. Containers and streams get detached copies of it by descriptor. Nothing of this shows in the
/// host's mount table but the pin, and containers' namespaces are not copies of it.
public final class VolumeMounts: Sendable {
    private let pin: MountNamespacePin
    let thread: MountThread
    let composer: StackComposer
    let points: Directory
    /// The mount of all volumes, as it shows in mount tables.
    let base: MountTable.Entry
    /// What is mounted at each handle's point; only the thread changes it.
    let mounted: Mutex<[String: MountedStack]>
    private let closing = ClosingMounts()

    static let layersName = "layers"
    static let pointsName = "mounts"
    private static let pinName = "namespace"

    /// Makes the namespace, or enters the one that a former process left with all its mounts.
    /// - Parameters:
    ///   - volumes: the directory of all volumes; this process alone uses it
    ///   - features: decides between the fast ways and those for older kernels
    public init(volumes: Directory, maps: OwnerMaps, features: Features) throws(KernelError) {
        for name in [VolumeMounts.layersName, VolumeMounts.pointsName] {
            _ = try volumes.makeIfMissing(name, mode: 0o700)
        }
        pin = MountNamespacePin(volumes, VolumeMounts.pinName)
        let thread: MountThread
        if let left = try VolumeMounts.reenter(pin, volumes) {
            thread = left
        } else {
            thread = try VolumeMounts.make(pin, volumes)
        }
        self.thread = thread
        let path = volumes.path
        let root = try thread.run { () throws(KernelError) in
            Directory(try Descriptor(opening: "/", [.path, .directory]), path: path)
        }
        points = try root.open(VolumeMounts.pointsName)
        composer = StackComposer(root: root, maps: maps, features: features)
        let mounts = try thread.mounts()
        guard let base = mounts.entries.first(where: { $0.point == "/" }) else {
            throw KernelError(call: "mountinfo", errno: .noEntry, subject: path)
        }
        self.base = base
        mounted = Mutex(VolumeMounts.found(in: mounts))
    }

    /// The stack as one detached mount, or what lies at a path beneath its root.
    ///
    /// One layer is shown as it is. Of more, the volume's overlay is mounted unless it is, and copied.
    /// - Parameters:
    ///   - rest: a path that is resolved inside the volume, symbolic links as well; a file may lie there
    ///   - writable: the top layer takes what is written
    ///   - unprivileged: device nodes cannot be opened
    /// - Throws: EROFS when it shall be writable but is sealed; EBUSY when the overlay is mounted writable with other
    ///   layers; EOPNOTSUPP when owners would have to be mapped and cannot be; E2BIG for too many layers; ENOENT and so
    ///   on with the path
    public func open(
        _ handle: String, _ stack: LayerStack, rest: String = "", writable: Bool, unprivileged: Bool
    ) throws(KernelError) -> MountTree {
        if writable && stack.writable == nil {
            throw KernelError(call: "volume", errno: .readOnlyFileSystem, subject: "\(handle): takes no changes")
        }
        if let top = stack.writable { closing.wait(for: top.id) }
        let attributes: MountAttributes = [writable ? [] : .readOnly, unprivileged ? .noDev : []]
        try prepare(handle, stack)
        return try thread.run { [self] () throws(KernelError) in
            let tree: MountTree
            switch stack.layers.count {
            case 0: tree = try composer.clone(try emptyDirectory(handle), rest)
            case 1: tree = try composer.bind(stack.layers[0], shownAs: stack.owners, rest: rest)
            default: tree = try composer.clone(try overlay(handle, stack), rest)
            }
            if !attributes.isEmpty { try tree.setAttributes(attributes) }
            return tree
        }
    }

    /// Whether the volume's overlay is mounted.
    public func isMounted(_ handle: String) -> Bool { mounted.withLock { $0[handle] != nil } }

    /// Unmounts the volume's overlay in the namespace, if there is one. Copies that are in use stay.
    ///
    /// Does not wait for the file system to write out what it has.
    public func close(_ handle: String) throws(KernelError) {
        try thread.run { [self] () throws(KernelError) in
            guard try points.exists(handle) else { return }
            try unmount(handle)
            try points.remove(handle)
        }
    }

    /// Unmounts the overlays of volumes that are not in the list; called once after the records were read.
    public func recover(keeping handles: Set<String>) throws(KernelError) {
        try thread.run { [self] () throws(KernelError) in
            for handle in try points.entries() where !handles.contains(handle) {
                try unmount(handle)
                try points.remove(handle)
            }
        }
    }

    /// Lets the namespace go, for an orderly end of a host without volumes in use: it ends with this object.
    public func release() throws(KernelError) {
        try recover(keeping: [])
        closing.waitUntilEmpty()
        try pin.unpin()
    }
}

// MARK: - The namespace

extension VolumeMounts {
    private static func make(_ pin: MountNamespacePin, _ volumes: Directory) throws(KernelError) -> MountThread {
        let thread = try MountThread(root: volumes)
        try pin.pin(try thread.namespace())
        return thread
    }

    /// Enters the pinned namespace; nil when there is none, or it is that of another directory.
    private static func reenter(
        _ pin: MountNamespacePin, _ volumes: Directory
    ) throws(KernelError) -> MountThread? {
        guard let namespace = try pin.open() else { return nil }
        let thread = try MountThread(entering: namespace)
        let wanted = try volumes.status()
        let root = try thread.run { () throws(KernelError) in try Directory("/").status() }
        guard root.inode == wanted.inode, root.device == wanted.device else { return nil }
        // Layers that were attached while an overlay was made by a process that died then.
        let points = try thread.mounts().entries.map(\.point)
        try thread.run { () throws(KernelError) in
            for point in points where point != "/" && !point.hasPrefix("/\(pointsName)/") {
                try MountPoint(point).unmount(detach: true)
            }
        }
        return thread
    }

    private static func found(in mounts: MountTable) -> [String: MountedStack] {
        var found: [String: MountedStack] = [:]
        let prefix = "/\(pointsName)/"
        for mount in mounts.entries where mount.point.hasPrefix(prefix) {
            found[String(mount.point.dropFirst(prefix.count))] = MountedStack(source: mount.source)
        }
        return found
    }
}

// MARK: - One volume

extension VolumeMounts {
    /// Makes the directories that the mounts need; not on the thread, in whose namespace there is no procfs.
    func prepare(_ handle: String, _ stack: LayerStack) throws(KernelError) {
        if stack.layers.count == 1 { return }
        let point = try points.makeIfMissing(handle, mode: 0o700)
        if stack.layers.isEmpty {
            if try point.status().isMountRoot { return }
            let root = composer.maps.onDisk(0, stack.owners)
            try point.chown(uid: root, gid: root)
            try point.setMode(0o755)
        } else if let top = stack.writable {
            _ = try composer.directory(of: top).makeIfMissing("work", mode: 0o700)
        }
    }

    /// The root of the volume's overlay, which is mounted unless it is.
    private func overlay(_ handle: String, _ stack: LayerStack) throws(KernelError) -> Directory {
        let wanted = MountedStack(stack)
        let present = mounted.withLock { $0[handle] }
        if present == wanted { return try points.open(handle) }
        if let present {
            if present.isWritable {
                let text = "\(handle): is mounted writable as \(present.source)"
                throw KernelError(call: "overlay", errno: .busy, subject: text)
            }
            try unmount(handle)
        }
        let point = try points.open(handle)
        // One that cannot be told by its source is not taken for the volume's, nor covered.
        guard try !point.status().isMountRoot else {
            throw KernelError(call: "overlay", errno: .busy, subject: "\(handle): something else is mounted")
        }
        try composer.attach(stack, at: point, named: handle)
        mounted.withLock { $0[handle] = wanted }
        return try points.open(handle)
    }

    /// What a volume shows that nobody has written to.
    private func emptyDirectory(_ handle: String) throws(KernelError) -> Directory {
        try unmount(handle)
        return try points.open(handle)
    }

    /// The mount ends elsewhere: with the last user of an overlay the kernel writes out all of the file system beneath.
    func unmount(_ handle: String) throws(KernelError) {
        let root = try points.open(handle)
        if try root.status().isMountRoot {
            let top = mounted.withLock { $0[handle]?.top } ?? ""
            try MountPoint("/\(VolumeMounts.pointsName)/\(handle)").unmount(detach: true)
            closing.close(try root.shared(), of: top)
        }
        mounted.withLock { $0[handle] = nil }
    }
}
