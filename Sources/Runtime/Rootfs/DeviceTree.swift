public import Kernel

/// A container's `/dev`: a small tmpfs of its own, made on the host's side, with the devices that every program expects.
///
/// It must be made outside the container's user namespace: there nobody can make device nodes, and a tmpfs mounted
/// there would not let them be opened. Nodes made here work inside, whatever the container's id map.
public struct DeviceTree: Sendable, Hashable {
    /// The host's user id of the container's root, who owns everything.
    public var uid: UInt32
    /// The host's group id of the container's root.
    public var gid: UInt32
    /// Whether `/dev/fuse` is there, for containers that may mount file systems in user space.
    public var hasFuse: Bool

    /// Describes a `/dev`.
    public init(uid: UInt32, gid: UInt32, hasFuse: Bool = false) {
        self.uid = uid
        self.gid = gid
        self.hasFuse = hasFuse
    }

    private struct Node {
        let name: String
        let device: DeviceNumber

        init(_ name: String, _ major: UInt32, _ minor: UInt32) {
            self.name = name
            device = DeviceNumber(major: major, minor: minor)
        }
    }

    // Device numbers: Documentation/admin-guide/devices.txt of the kernel.
    private static let nodes = [
        Node("null", 1, 3), Node("zero", 1, 5), Node("full", 1, 7), Node("random", 1, 8), Node("urandom", 1, 9),
        Node("tty", 5, 0),
    ]
    private static let fuse = Node("fuse", 10, 229)

    private static let links = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
    ]
    // Mount points for what the container mounts itself.
    private static let directories = ["pts", "shm", "mqueue"]

    /// Makes it, attached nowhere yet.
    /// - Throws: EPERM when this process may neither make device nodes nor mount the host's
    public func mount() throws(KernelError) -> MountTree {
        let context = try FileSystemContext("tmpfs")
        try context.set("source", "tmpfs")
        try context.set("mode", "755")
        try context.set("size", "65536k")
        try context.set("uid", "\(uid)")
        try context.set("gid", "\(gid)")
        let tree = try context.mount([.noSuid, .strictAtime])
        let root = try tree.root()
        for node in DeviceTree.nodes { try make(node, in: root) }
        if hasFuse { try make(DeviceTree.fuse, in: root) }
        for (name, target) in DeviceTree.links {
            try root.symlink(name, to: target)
            try root.chown(name, uid: uid, gid: gid)
        }
        for name in DeviceTree.directories {
            try root.make(name)
            try root.chown(name, uid: uid, gid: gid)
        }
        return tree
    }

    private func make(_ node: Node, in root: Directory) throws(KernelError) {
        do throws(KernelError) {
            try root.makeNode(node.name, .characterDevice, mode: 0o666, device: node.device)
        } catch  where error.errno == .permission {
            // In a user namespace itself (a container in a container): the host's own node is mounted instead.
            try root.makeNode(node.name, .regular, mode: 0o666)
            let place = try root.openFile(node.name, .path)
            try MountTree.clone("/dev/\(node.name)").attach(on: place, path: "/dev/\(node.name)")
            return
        }
        try root.chown(node.name, uid: uid, gid: gid)
    }
}
