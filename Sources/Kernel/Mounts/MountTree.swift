internal import CKernel
internal import Glibc

/// A mount, with the mounts beneath it, that is attached nowhere: held by its descriptor, unmounted when that goes.
///
/// It can be changed, passed to another process by ``descriptor``, and attached once (open_tree(2), fsmount(2),
/// move_mount(2); Linux 5.2). After it was attached the descriptor still names it, and closing it does not unmount.
public struct MountTree: ~Copyable, Sendable {
    /// The mount's root (O_PATH): works as the start of relative paths, for mount_setattr(2) and for move_mount(2).
    public let descriptor: Descriptor
    /// What it is a mount of; for messages only.
    public let source: String

    /// Takes over the descriptor of a detached mount.
    public init(_ descriptor: consuming Descriptor, source: String) {
        self.descriptor = descriptor
        self.source = source
    }

    // linux/mount.h and linux/fcntl.h.
    private static let openTreeClone: UInt32 = 1
    private static let recursiveFlag: UInt32 = 0x8000
    private static let moveFromEmpty: UInt32 = 0x4
    private static let moveToEmpty: UInt32 = 0x40

    /// A copy of the mount that `path` lies in, with `path` as its root; symbolic links are followed.
    /// - Parameter recursive: with copies of the mounts beneath it
    /// - Throws: ENOENT and so on with the path; EINVAL for a mount that may not be copied
    public static func clone(_ path: String, recursive: Bool = false) throws(KernelError) -> MountTree {
        let object = try openResolving(workingDirectory, path, .path, mode: 0, [], path)
        return try clone(object, source: path, recursive: recursive)
    }

    /// As ``clone(_:recursive:)`` for a directory that is already open, so that no other can be put in its place.
    public static func clone(_ directory: Directory, recursive: Bool = false) throws(KernelError) -> MountTree {
        try directory.withDescriptor { (descriptor) throws(KernelError) in
            try clone(descriptor, source: directory.path, recursive: recursive)
        }
    }

    /// As ``clone(_:recursive:)`` for an open file or directory of any kind.
    public static func clone(
        _ object: borrowing Descriptor, source: String, recursive: Bool = false
    ) throws(KernelError) -> MountTree {
        let number = object.number
        let flags =
            openTreeClone | UInt32(bitPattern: O_CLOEXEC | emptyPath) | (recursive ? recursiveFlag : 0)
        let tree = try invoke("open_tree", source) {
            // Safe: the empty path names the descriptor.
            unsafe apron_open_tree(number, "", flags)
        }
        let copy = MountTree(Descriptor(owning: tree), source: source)
        // A copy of a shared mount is its peer: what a container mounts in it would show on the host, and as a root it
        // cannot be pivoted to. systemd makes every host's root shared.
        try copy.setPropagation(.private, recursive: recursive)
        return copy
    }

    /// A copy of this mount without its attachment, for a second place.
    public borrowing func clone(recursive: Bool = false) throws(KernelError) -> MountTree {
        try MountTree.clone(descriptor, source: source, recursive: recursive)
    }

    /// The root directory of the mount, or ENOTDIR when a file is mounted.
    public borrowing func root() throws(KernelError) -> Directory {
        let (number, source) = (descriptor.number, source)
        return Directory(
            try openResolving(number, ".", [.path, .directory], mode: 0, [], source), path: source)
    }

    /// Sets and clears attributes of the mount (mount_setattr(2), Linux 5.12).
    /// - Throws: EBUSY when it would become read-only while something on it is open for writing
    public borrowing func setAttributes(
        _ set: MountAttributes, clear: MountAttributes = [], recursive: Bool = false
    ) throws(KernelError) {
        // One access-time value can only be set when the whole field is cleared.
        let clear = set.isDisjoint(with: .atimeField) ? clear : clear.union(.atimeField)
        try change(set: set, clear: clear, recursive: recursive)
    }

    /// Sets how mounts beneath it spread.
    public borrowing func setPropagation(
        _ propagation: MountPropagation, recursive: Bool = false
    ) throws(KernelError) {
        try change(propagation: propagation.rawValue, recursive: recursive)
    }

    /// Shows the files as the id map of a user namespace says: an id stored on disk appears as the id that the
    /// namespace maps it to (Linux 5.12, per file system).
    ///
    /// Only once, and only before the mount was ever attached (EPERM otherwise).
    /// - Throws: EINVAL when the file system cannot be mapped
    public borrowing func idMap(
        userNamespace: borrowing Descriptor, recursive: Bool = false
    ) throws(KernelError) {
        try change(set: .idMap, userNamespace: userNamespace.number, recursive: recursive)
    }

    private borrowing func change(
        set: MountAttributes = [], clear: MountAttributes = [], propagation: UInt64 = 0, userNamespace: Int32 = 0,
        recursive: Bool
    ) throws(KernelError) {
        let (number, source) = (descriptor.number, source)
        let flags = UInt32(bitPattern: emptyPath) | (recursive ? MountTree.recursiveFlag : 0)
        try invoke("mount_setattr", source) {
            // Safe: the empty path names the descriptor.
            unsafe apron_mount_setattr(
                number, "", flags, set.rawValue, clear.rawValue, propagation, UInt64(userNamespace))
        }
    }

    /// Attaches the mount on a path of this process's mount namespace; it stays there until it is unmounted.
    public consuming func attach(at path: String) throws(KernelError) {
        let target = try openResolving(workingDirectory, path, .path, mode: 0, [], path)
        try MountTree.move(descriptor.number, to: target.number, "\(source) on \(path)")
    }

    /// Attaches the mount on an open directory.
    public consuming func attach(at directory: Directory) throws(KernelError) {
        try MountTree.move(descriptor.number, to: directory.number, "\(source) on \(directory.path)")
    }

    /// Attaches the mount on an open file or directory.
    public consuming func attach(on object: borrowing Descriptor, path: String) throws(KernelError) {
        try MountTree.move(descriptor.number, to: object.number, "\(source) on \(path)")
    }

    static func move(_ tree: Int32, to target: Int32, _ subject: String) throws(KernelError) {
        try invoke("move_mount", subject) {
            // Safe: the empty paths name the descriptors.
            unsafe apron_move_mount(tree, "", target, "", moveFromEmpty | moveToEmpty)
        }
    }

    /// Gives up the descriptor; the mount lives as long as that is open.
    public consuming func release() -> Descriptor { descriptor }
}
