internal import CKernel
internal import Glibc

/// What a file is, whom it belongs to and where it lies (statx(2)).
public struct FileStatus: Hashable, Sendable {
    /// The type of a file.
    public enum Kind: Hashable, Sendable {
        case regular, directory, symbolicLink, fifo, socket, blockDevice, characterDevice, unknown
    }

    /// The type.
    public let kind: Kind
    /// The permission bits with set-user-id, set-group-id and sticky: 12 bits.
    public let mode: UInt32
    /// The owner as seen by this process through the mount.
    public let uid: UInt32
    /// The group as seen by this process through the mount.
    public let gid: UInt32
    /// Number of hard links.
    public let links: UInt32
    /// Bytes.
    public let size: UInt64
    /// The file system's device number, major and minor.
    public let device: DeviceNumber
    /// The inode number in that file system.
    public let inode: UInt64
    /// The mount that the file was reached through; 0 before Linux 5.8.
    public let mountID: UInt64
    /// Whether it is the root of that mount; false before Linux 5.8.
    public let isMountRoot: Bool
    /// Nanoseconds since the epoch of the last change of the contents.
    public let modified: Int64
    /// Nanoseconds since the epoch of the last reading of the contents, as far as the mount records it.
    public let accessed: Int64
    /// Bytes on the disk: fewer than ``size`` for a file with holes.
    public let allocated: UInt64
    /// What a device node stands for.
    public let node: DeviceNumber

    init(_ status: apron_status) {
        kind = Kind(mode: status.mode)
        mode = status.mode & 0o7777
        uid = status.uid
        gid = status.gid
        links = status.links
        size = status.size
        device = DeviceNumber(major: status.device_major, minor: status.device_minor)
        inode = status.inode
        mountID = status.mount_id
        isMountRoot = status.is_mount_root != 0
        modified = status.modified_ns
        accessed = status.accessed_ns
        allocated = status.allocated
        node = DeviceNumber(major: status.node_major, minor: status.node_minor)
    }

    /// The status of `path` from `directory`; an empty path is the descriptor itself. Never follows a last link.
    static func read(
        _ directory: Int32, _ path: String, followLink: Bool = false, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> FileStatus {
        var status = apron_status()
        let flags = followLink ? 0 : AT_SYMLINK_NOFOLLOW
        // Safe: the path lives for the call, which fills the structure.
        try invoke("statx", subject()) {
            unsafe apron_statx(directory, path, flags | (path.isEmpty ? emptyPath : 0), &status)
        }
        return FileStatus(status)
    }
}

/// AT_EMPTY_PATH: the descriptor itself is meant; glibc hides it from Swift.
let emptyPath: Int32 = 0x1000

/// The number of a device or file system.
public struct DeviceNumber: Hashable, Sendable, CustomStringConvertible {
    /// The driver.
    public let major: UInt32
    /// The device of that driver.
    public let minor: UInt32

    /// Names a device.
    public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// `major:minor`.
    public var description: String { "\(major):\(minor)" }
}

extension FileStatus.Kind {
    init(mode: UInt32) {
        switch mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): self = .regular
        case UInt32(S_IFDIR): self = .directory
        case UInt32(S_IFLNK): self = .symbolicLink
        case UInt32(S_IFIFO): self = .fifo
        case UInt32(S_IFSOCK): self = .socket
        case UInt32(S_IFBLK): self = .blockDevice
        case UInt32(S_IFCHR): self = .characterDevice
        default: self = .unknown
        }
    }
}

extension Descriptor {
    /// The status of the open file.
    public borrowing func status() throws(KernelError) -> FileStatus {
        let number = number
        return try FileStatus.read(number, "", "descriptor \(number)")
    }
}

/// How much room a file system has (statfs(2)).
public struct FileSystemSpace: Hashable, Sendable {
    /// The magic number of its type, such as `FileSystemSpace.overlay`.
    public let kind: UInt32
    /// Bytes in all.
    public let bytes: UInt64
    /// Bytes that an unprivileged user could still fill.
    public let bytesAvailable: UInt64
    /// Files in all that it can hold; 0 where it has no such limit, as on btrfs.
    public let inodes: UInt64
    /// Files that could still be made.
    public let inodesAvailable: UInt64

    /// OVERLAYFS_SUPER_MAGIC (linux/magic.h).
    public static let overlay: UInt32 = 0x794c_7630
    /// TMPFS_MAGIC (linux/magic.h).
    public static let tmpfs: UInt32 = 0x0102_1994
}
