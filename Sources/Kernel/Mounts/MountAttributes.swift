internal import Glibc

/// What a mount allows, apart from what its file system does (mount_setattr(2)).
public struct MountAttributes: OptionSet, Hashable, Sendable {
    /// The MOUNT_ATTR_* bits of linux/mount.h; bits without a name here are kept.
    public let rawValue: UInt64

    /// Wraps MOUNT_ATTR_* bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Nothing can be written through this mount.
    public static let readOnly = MountAttributes(rawValue: 0x1)
    /// Set-user-id and set-group-id bits and file capabilities have no effect.
    public static let noSuid = MountAttributes(rawValue: 0x2)
    /// Device nodes cannot be opened.
    public static let noDev = MountAttributes(rawValue: 0x4)
    /// Programs cannot be executed.
    public static let noExec = MountAttributes(rawValue: 0x8)
    /// Reading does not change access times.
    public static let noAtime = MountAttributes(rawValue: 0x10)
    /// Every read changes access times; without this and ``noAtime`` at most one a day does.
    public static let strictAtime = MountAttributes(rawValue: 0x20)
    /// Reading directories does not change access times.
    public static let noDirAtime = MountAttributes(rawValue: 0x80)
    /// Symbolic links are not followed; Linux 5.14.
    public static let noSymlinkFollow = MountAttributes(rawValue: 0x20_0000)

    // The access-time setting is a field of several bits: to set one value, the whole field must be cleared.
    static let atimeField = MountAttributes(rawValue: 0x70)
    static let idMap = MountAttributes(rawValue: 0x10_0000)
}

/// Whether mounts and unmounts beneath a mount reach its copies and the reverse (mount_namespaces(7)).
public enum MountPropagation: UInt64, Sendable {
    /// Neither way (MS_PRIVATE).
    case `private` = 0x4_0000
    /// From the original to the copy only (MS_SLAVE).
    case slave = 0x8_0000
    /// Both ways (MS_SHARED).
    case shared = 0x10_0000
    /// Neither way, and it cannot be copied (MS_UNBINDABLE).
    case unbindable = 0x2_0000
}

extension ErrorNumber {
    /// The mount or the file system takes no changes.
    public static let readOnlyFileSystem = ErrorNumber(rawValue: EROFS)
}
