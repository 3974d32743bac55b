/// The directories from the top of a tree down to the one where somebody works; few of them are open at a time.
///
/// A directory that was closed is opened again as `..` of the one beneath it, and must then be the very same: where it
/// was moved meanwhile the way back is lost (ESTALE) rather than leading elsewhere.
public struct DirectoryChain: Sendable {
    private struct Level: Sendable {
        var directory: Directory?
        let device: DeviceNumber
        let inode: UInt64
        /// Whether `..` of the directory beneath leads somewhere else.
        var isPinned = false
    }

    /// So many directories at the end of the chain stay open; deeper trees are rare.
    public static let openMax = 32
    // As many symbolic links as the kernel follows in one path (MAXSYMLINKS, linux/namei.h).
    private static let pinnedMax = 40

    private var levels: [Level]
    /// The directory at the end of the chain.
    public private(set) var current: Directory

    /// Begins at the top of a tree.
    public init(_ top: Directory) throws(KernelError) {
        current = top
        let status = try top.status()
        levels = [Level(directory: top, device: status.device, inode: status.inode, isPinned: true)]
    }

    /// Directories in the chain; 1 at the top.
    public var count: Int { levels.count }

    /// Whether a directory is one of those in the chain.
    public func contains(_ status: FileStatus) -> Bool {
        levels.contains { $0.inode == status.inode && $0.device == status.device }
    }

    /// Goes on in a directory beneath the current one.
    /// - Parameter byLink: it was reached through a symbolic link, so that the current one must stay open
    /// - Throws: ELOOP when more than 40 links lead here
    public mutating func enter(_ directory: Directory, byLink: Bool = false) throws(KernelError) {
        let status = try directory.status()
        if byLink {
            levels[levels.count - 1].isPinned = true
            guard levels.count(where: \.isPinned) <= DirectoryChain.pinnedMax else {
                throw KernelError(call: "openat2", errno: .tooManyLinks, subject: directory.path)
            }
        }
        levels.append(Level(directory: directory, device: status.device, inode: status.inode))
        current = directory
        let closing = levels.count - DirectoryChain.openMax - 1
        if closing > 0 && !levels[closing].isPinned { levels[closing].directory = nil }
    }

    /// Goes back to the directory above; there must be one.
    /// - Throws: ESTALE when the current directory is no longer where it was
    public mutating func leave() throws(KernelError) {
        precondition(levels.count > 1, "left the top of a tree")
        let left = current
        levels.removeLast()
        let above = levels[levels.count - 1]
        if let directory = above.directory {
            current = directory
            return
        }
        let path = String(left.path.prefix(upTo: left.path.lastIndex(of: "/") ?? left.path.endIndex))
        let directory = Directory(try openResolving(left.number, "..", .directory, mode: 0, [], path), path: path)
        let status = try directory.status()
        guard status.inode == above.inode && status.device == above.device else {
            throw KernelError(call: "openat2", errno: .stale, subject: "\(left.path)/..: the directory was moved")
        }
        levels[levels.count - 1].directory = directory
        current = directory
    }
}
