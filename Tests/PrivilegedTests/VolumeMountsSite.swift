import Kernel
import Storage
import TestSupport

/// A directory of volumes with layers, and what the mounts of it need.
struct VolumeMountsSite {
    let scratch: Scratch
    /// What the directory of volumes is in.
    let base: Directory
    let volumes: Directory
    private let ownFileSystem: OwnFileSystem?
    let maps: OwnerMaps
    /// The id of a container's root outside.
    static let root = UserNamespace.rootID

    /// - Parameter onOwnFileSystem: on a tmpfs of its own
    init(onOwnFileSystem: Bool = false) throws {
        scratch = try Scratch()
        ownFileSystem = onOwnFileSystem ? try OwnFileSystem(in: scratch) : nil
        base = try Directory(ownFileSystem?.path ?? scratch.path)
        volumes = try base.make("volumes", mode: 0o700)
        try volumes.make("layers", mode: 0o700)
        let inverse = "1 1 \(UserNamespace.rootID - 1)\n\(UserNamespace.rootID) 0 1\n"
        maps = OwnerMaps(
            containerRoot: VolumeMountsSite.root,
            shifting: SharedDescriptor(try UserNamespace().release()),
            unshifting: SharedDescriptor(try UserNamespace(map: inverse).release()))
    }

    func open(disabled: String = "") throws -> VolumeMounts {
        try VolumeMounts(volumes: volumes, maps: maps, features: try features(disabled))
    }

    func features(_ disabled: String = "") throws -> Features {
        try maps.shifting.with { (namespace) throws(KernelError) in
            try Features.probe(userNamespace: namespace, workDirectory: volumes, disabled: disabled)
        }
    }

    /// Makes a layer whose root, and whose files by these names, belong to the root of its view; the contents of a file
    /// are its name and the layer's number.
    @discardableResult
    func layer(_ number: Int, _ owners: Owners, files names: [String] = []) throws -> Layer {
        let digits = String(number, radix: 16)
        let id = String(repeating: "0", count: 16 - digits.count) + digits
        let files = try volumes.open("layers").make(id, mode: 0o700).make("files")
        let root = maps.onDisk(0, owners)
        try files.chown(uid: root, gid: root)
        for name in names {
            try files.write(name, VolumeMountsSite.contents(name, number))
            try files.chown(name, uid: root, gid: root)
        }
        return Layer(id: id, owners: owners)
    }

    static func contents(_ name: String, _ number: Int) -> [UInt8] { Array("\(name) \(number)".utf8) }

    /// A layer's files as they are on the disk.
    func files(_ layer: Layer) throws -> Directory { try volumes.open("layers/\(layer.id)/files") }

    /// Ends everything, as a test must leave it.
    func end(_ mounts: VolumeMounts) throws { try mounts.release() }
}

/// A tmpfs on a directory beneath another one, unmounted when the object goes.
private final class OwnFileSystem: Sendable {
    let path: String
    /// Is removed after the mount.
    private let scratch: Scratch

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        path = try scratch.makeDirectories("file-system")
        try FileSystemContext("tmpfs").mount().attach(at: path)
    }

    deinit { try? MountPoint(path).unmount(detach: true) }
}

/// A process with a mount namespace of its own, in which volumes are attached as containers have them.
final class MountedProcess: Sendable {
    let pid: Int32
    private let child: ChildProcess
    private let inside: MountThread

    /// Starts it with a copy of this process's mounts.
    /// - Parameters:
    ///   - hidden: what lies on the file system that is not shown: a container does not see the host's. Nil in a user
    ///     namespace of its own, where nothing that was copied can be unmounted
    ///   - command: for the shell, run as process 1
    init(hiding hidden: Directory?, command: String = "exec sleep 1000") throws {
        let null = try KernelFile.open("/dev/null")
        child = try ChildProcess.start(
            program: try KernelFile.open("/bin/sh"), arguments: ["sh", "-c", command],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            namespaces: hidden == nil ? [.mount, .pid, .user] : [.mount, .pid],
            descriptors: [null.number, null.number, null.number], keepsCapabilities: hidden == nil)
        pid = child.pid
        inside = try MountThread(entering: try KernelFile.open("/proc/\(pid)/ns/mnt"))
        let device = try hidden?.status().device
        let points = try MountTable(pid: pid).entries.filter { $0.device == device }.map(\.point).reversed()
        try inside.run { () throws(KernelError) in
            try MountPoint("/").setPropagation(.private, recursive: true)
            for point in points { try MountPoint(point).unmount(detach: true) }
        }
    }

    deinit {
        _ = try? child.signal(9)
        try? child.wait()
    }

    /// Attaches a volume on a directory of the host.
    func attach(_ tree: consuming MountTree, at path: String) throws {
        let shared = SharedDescriptor(tree.release())
        try inside.run { () throws(KernelError) in
            try shared.with { (tree) throws(KernelError) in
                try MountTree(try tree.duplicate(), source: path).attach(at: path)
            }
        }
    }

    /// A file opened through what is attached there.
    func openFile(_ path: String, _ name: String, _ flags: OpenFlags) throws -> Descriptor {
        try inside.run { () throws(KernelError) in try Directory(path).openFile(name, flags) }
    }
}
