/// An overlay to be mounted: read-only layers beneath one that takes all changes (overlayfs, kernel documentation).
///
/// There must never be two at a time with the same upper directory: the kernel accepts that, and files are lost.
public struct OverlayMount: Sendable {
    /// How the kernel is told its layers.
    public enum Naming: Sendable {
        /// By descriptors, of detached mounts as well (Linux 6.13).
        case descriptors
        /// By paths in procfs; the lower layers must lie in attached mounts.
        case paths
    }

    /// The layers beneath, topmost first.
    public let lowers: [Directory]
    /// The layer that takes changes.
    public let upper: Directory
    /// An empty directory on the file system of ``upper``, for the kernel.
    public let work: Directory
    /// Changes need not survive the machine's end: nothing is ever synced (Linux 5.10). The kernel then refuses a
    /// second mount on the same ``work``.
    public var isVolatile = false

    /// Describes an overlay. The directories' mounts must stay open until it is mounted, not longer.
    public init(lowers: [Directory], upper: Directory, work: Directory) {
        self.lowers = lowers
        self.upper = upper
        self.work = work
    }

    /// Mounts it, attached nowhere yet.
    /// - Throws: EINVAL when the upper directory's file system cannot hold one, such as another overlay
    public func mount(_ naming: Naming, _ attributes: MountAttributes = []) throws(KernelError) -> MountTree {
        let context = try FileSystemContext("overlay")
        try context.set("source", "apron")
        switch naming {
        case .descriptors:
            for lower in lowers { try context.set("lowerdir+", to: lower) }
            try context.set("upperdir", to: upper)
            try context.set("workdir", to: work)
        case .paths:
            try context.set("lowerdir", lowers.map(\.procPath).joined(separator: ":"))
            try context.set("upperdir", upper.procPath)
            try context.set("workdir", work.procPath)
        }
        if isVolatile { try context.setFlag("volatile") }
        do throws(KernelError) { return try context.mount(attributes) } catch {
            throw KernelError(call: error.call, errno: error.errno, subject: "\(error.subject ?? "") (\(upper.path))")
        }
    }
}
