/// A file or directory of the host that a container shall see, opened once: what is checked is what is mounted.
public struct BindSource: ~Copyable, Sendable {
    /// The detached mount with the object as its root.
    public let tree: MountTree
    /// What the object is; its kind decides what the place in the container must be.
    public let status: FileStatus

    /// Opens a path of the host, following symbolic links as the host does, and copies its mount.
    /// - Parameters:
    ///   - path: absolute
    ///   - recursive: with the mounts beneath it
    /// - Throws: EINVAL for a relative path; ENOENT and so on with the path
    public init(_ path: String, recursive: Bool = false) throws(KernelError) {
        guard path.hasPrefix("/") else {
            throw KernelError(call: "bind source", errno: .invalid, subject: "\(path): not an absolute path")
        }
        let object = try openResolving(workingDirectory, path, .path, mode: 0, [], path)
        let status = try FileStatus.read(object.number, "", path)
        let tree = try MountTree.clone(object, source: path, recursive: recursive)
        self.status = status
        self.tree = tree
    }

    /// Whether a directory is the source; anything else is mounted on a file.
    public var isDirectory: Bool { status.kind == .directory }

    /// Gives up the mount; the caller owns it now.
    public consuming func release() -> MountTree { tree }
}
