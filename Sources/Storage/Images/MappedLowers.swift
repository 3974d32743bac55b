internal import Kernel

/// Image directories as lower layers for unprivileged containers: with owners shown through an id map.
///
/// Newer kernels take a detached mount, which vanishes by itself. Older ones (seen with 6.1) take only attached ones:
/// those are kept in `lowers/<device>-<inode>-<map>`, one for an image and map, and used again.
struct MappedLowers: Sendable {
    private let directory: Directory

    init(_ storage: Directory) throws(KernelError) {
        directory = try storage.makeIfMissing("lowers", mode: 0o700)
    }

    /// A detached mount of the image with mapped owners.
    static func detached(_ image: Directory, _ mapping: IDMapping) throws(KernelError) -> MountTree {
        let tree = try MountTree.clone(image)
        do throws(KernelError) {
            try mapping.userNamespace.with { (namespace) throws(KernelError) in
                try tree.idMap(userNamespace: namespace)
            }
        } catch  where error.errno == .invalid {
            throw KernelError(
                call: "mount_setattr", errno: .notSupported,
                subject: "\(image.path): its file system does not offer id-mapped mounts, which unprivileged "
                    + "containers need")
        }
        return tree
    }

    /// The attached mount of the image with mapped owners; made if there is none.
    func attached(_ image: Directory, _ mapping: IDMapping) throws(KernelError) -> Directory {
        let status = try image.status()
        let name = "\(status.device.major).\(status.device.minor)-\(status.inode)-\(mapping.name)"
        // Two makers would mount one on the other.
        let lock = try FileLock(directory, ".lock")
        defer { extendLifetime(lock) }

        // The mount keeps the image's inode from being given to another file, so the name cannot mean another image.
        let present = try directory.makeIfMissing(name, mode: 0o700)
        if try isImage(present, status) { return present }
        try MappedLowers.detached(image, mapping).attach(at: present)
        let attached = try Directory("\(directory.procPath)/\(name)")
        guard try isImage(attached, status) else {
            throw KernelError(call: "move_mount", errno: .busy, subject: "\(directory.path)/\(name)")
        }
        return attached
    }

    private func isImage(_ directory: Directory, _ image: FileStatus) throws(KernelError) -> Bool {
        let status = try directory.status()
        return status.inode == image.inode && status.device == image.device
    }

    /// Unmounts all attached lowers; those of mounted overlays live on inside these.
    func removeAll() throws(KernelError) {
        let lock = try FileLock(directory, ".lock")
        defer { extendLifetime(lock) }
        for name in try directory.entries() where name != ".lock" {
            do throws(KernelError) {
                try MountPoint("\(directory.procPath)/\(name)").unmount(detach: true)
            } catch  where error.errno == .invalid {}
            try directory.remove(name)
        }
    }
}
