internal import CKernel
internal import Glibc

/// A place in this process's mount namespace where something is mounted.
public struct MountPoint: Hashable, Sendable {
    /// The path.
    public let path: String

    /// Names a mount point by its path; the last component is not followed when it is a symbolic link.
    public init(_ path: String) { self.path = path }

    /// Unmounts what is mounted there last (umount2(2)).
    /// - Parameter detach: out of sight at once, gone when its last user goes (MNT_DETACH); else EBUSY while used
    /// - Throws: EINVAL when nothing is mounted there
    public func unmount(detach: Bool = false) throws(KernelError) {
        let (mntDetach, noFollow): (Int32, Int32) = (0x2, 0x8)
        try PathName.checkPath(path)
        try invoke("umount2", path) {
            // Safe: the path lives for the call.
            unsafe apron_umount2(path, noFollow | (detach ? mntDetach : 0))
        }
    }

    /// Sets and clears attributes of what is mounted there (mount_setattr(2), Linux 5.12).
    /// - Throws: EBUSY when it would become read-only while something on it is open for writing
    public func setAttributes(
        _ set: MountAttributes, clear: MountAttributes = [], recursive: Bool = false
    ) throws(KernelError) {
        try tree().setAttributes(set, clear: clear, recursive: recursive)
    }

    /// Sets how mounts beneath it spread.
    public func setPropagation(_ propagation: MountPropagation, recursive: Bool = false) throws(KernelError) {
        try tree().setPropagation(propagation, recursive: recursive)
    }

    // An attached mount is changed by the same calls as a detached one; closing the descriptor leaves it mounted.
    private func tree() throws(KernelError) -> MountTree {
        MountTree(try openResolving(workingDirectory, path, [.path, .noFollow], mode: 0, [], path), source: path)
    }
}
