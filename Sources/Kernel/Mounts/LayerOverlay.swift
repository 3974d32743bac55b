internal import CKernel
internal import Glibc

/// An overlay whose layers are kept: what was written to its top layer is later read beneath other top layers.
///
/// How it is mounted is part of what is on the disk, so the options are the same for every one, whatever the module's
/// defaults are (overlayfs, kernel documentation).
public struct LayerOverlay: Sendable {
    /// What the mount table shows as its source.
    public let source: String

    /// - `redirect_dir=on`: a directory of a lower layer can be renamed, as build tools do; without it that is EXDEV.
    ///   What the renamed directory was called is stored in the layer as a path from the overlay's root, which stays
    ///   right since a layer always lies on the same ones.
    /// - `metacopy=on`: a change of owner or mode copies no contents. Such a file is read only with this option, which
    ///   is one reason for it never to change.
    /// - `index=off`: the index ties a layer to the very inodes beneath it, and forbids that a layer is the top of one
    ///   overlay while it lies beneath another: sealed layers are, in containers that still have the old mount.
    ///   The price: of a file with several names (hard links), the name that is written to in a copy becomes a file of
    ///   its own.
    /// - `xino=off`: of no use where all layers lie on one file system, whose inode numbers are shown as they are.
    ///
    /// Not `volatile`, since volumes must outlive the machine's end, and not `userxattr`: with the names in `trusted.`
    /// only who is root on the host can forge what overlayfs stores.
    private static let options = [("redirect_dir", "on"), ("metacopy", "on"), ("index", "off"), ("xino", "off")]

    /// mount(2) takes one page of options and cuts off the rest without a word.
    private static let optionBytesMax = 4095

    /// Describes an overlay.
    /// - Parameter source: at most 255 bytes
    public init(source: String) { self.source = source }

    /// Mounts it from open directories, attached nowhere yet (Linux 6.13).
    /// - Parameters:
    ///   - lowers: topmost first, at most 500; at least two where there is no upper directory
    ///   - upper: the directory that takes changes and the empty one for the kernel on the same file system
    public func mount(
        lowers: [Directory], upper: (files: Directory, work: Directory)?
    ) throws(KernelError) -> MountTree {
        let context = try FileSystemContext("overlay")
        try context.set("source", source)
        for (key, value) in LayerOverlay.options { try context.set(key, value) }
        for lower in lowers { try context.set("lowerdir+", to: lower) }
        if let upper {
            try context.set("upperdir", to: upper.files)
            try context.set("workdir", to: upper.work)
        }
        return try context.mount()
    }

    /// Mounts it by paths, for older kernels (mount(2)). The lower layers must lie in mounts of this thread's mount
    /// namespace. Only on a ``MountThread``, whose working directory is changed meanwhile.
    /// - Parameters:
    ///   - base: what all paths start from; they have neither colon, comma nor backslash in them
    ///   - target: where it is mounted, a path from the root
    /// - Throws: E2BIG when the paths are longer than the kernel takes in one call
    public func mount(
        from base: Directory, lowers: [String], upper: (files: String, work: String)?, at target: String
    ) throws(KernelError) {
        var options = LayerOverlay.options.map { "\($0)=\($1)" }
        options.append("lowerdir=\(lowers.joined(separator: ":"))")
        if let upper { options += ["upperdir=\(upper.files)", "workdir=\(upper.work)"] }
        let data = options.joined(separator: ",")
        if data.utf8.count > LayerOverlay.optionBytesMax {
            let count = lowers.count + (upper == nil ? 0 : 1)
            let text = "\(target): \(count) layers are more than this kernel takes"
            throw KernelError(call: "mount", errno: .tooBig, subject: text)
        }
        let (number, top) = (base.number, "/")
        try invoke("fchdir", base.path) { fchdir(number) }
        // Safe: the path is a constant. The root of a mount namespace is always there.
        defer { _ = unsafe chdir(top) }

        let (name, type) = (source, "overlay")
        try invoke("mount", target) {
            // Safe: the texts live for the call.
            unsafe data.withCString { unsafe apron_mount(name, target, type, 0, $0) }
        }
    }
}
