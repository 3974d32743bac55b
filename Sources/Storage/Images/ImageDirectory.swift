public import Kernel

/// The directories that containers' roots come from, as a request names them.
public enum ImageDirectory {
    /// Opens an image's directory; what is checked is what is used.
    /// - Throws: EINVAL for a relative path; ENOENT; ENOTDIR for a file; ELOOP for a symbolic link, which could lead
    ///   anywhere by the time of the next use; with the path
    public static func open(_ path: String) throws(KernelError) -> Directory {
        try open(path, call: "image", following: false)
    }

    /// As ``open(_:)`` for a root that is used as it is; a symbolic link is followed, once.
    static func openRoot(_ path: String) throws(KernelError) -> Directory {
        try open(path, call: "root directory", following: true)
    }

    private static func open(_ path: String, call: String, following: Bool) throws(KernelError) -> Directory {
        guard path.hasPrefix("/") else {
            throw KernelError(call: call, errno: .invalid, subject: "\(path): not an absolute path")
        }
        // Opened whatever it is, so that the message can say what is wrong; a trailing slash would follow a link.
        let named = try Descriptor(opening: trimmed(path), following ? .path : [.path, .noFollow])
        switch try named.status().kind {
        case .directory: return Directory(named, path: path)
        case .symbolicLink:
            throw KernelError(call: call, errno: .tooManyLinks, subject: "\(path): is a symbolic link")
        default: throw KernelError(call: call, errno: .notDirectory, subject: "\(path): not a directory")
        }
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}

/// A directory of the host that is a container's root as it is: read-write, not copied, not removed afterwards.
public enum RawRoot {
    /// A detached mount of the directory alone, without what is mounted beneath it.
    /// - Throws: ENOENT, ENOTDIR or EINVAL with the path
    public static func mount(_ path: String) throws(KernelError) -> MountTree {
        try MountTree.clone(try ImageDirectory.openRoot(path))
    }
}
