internal import CKernel
internal import Glibc

/// The directory as the root of somebody else's file system: paths inside it may be hostile.
extension Directory {
    /// Opens a relative path that must stay beneath this directory; symbolic links may lead elsewhere beneath it
    /// (RESOLVE_BENEATH).
    /// - Throws: EXDEV for a path that leads out, be it by an absolute link.
    public func openBeneath(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600
    ) throws(KernelError) -> Descriptor {
        try openResolving(number, path, flags, mode: mode, [.beneath, .noMagicLinks], subject(path))
    }

    /// Opens a path as a process would whose root is this directory: absolute links and `..` end at this root
    /// (RESOLVE_IN_ROOT).
    ///
    /// Without ``OpenFlags/path`` add ``OpenFlags/nonBlocking``, or a FIFO of the container holds the caller.
    public func openInRoot(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600
    ) throws(KernelError) -> Descriptor {
        try openResolving(number, path, flags, mode: mode, [.inRoot, .noMagicLinks], inRoot(path))
    }

    /// As ``openInRoot(_:_:mode:)`` for a directory.
    public func openDirectoryInRoot(_ path: String) throws(KernelError) -> Directory {
        Directory(try openInRoot(path, [.path, .directory]), path: inRoot(path))
    }

    /// The whole contents of a regular file inside this root; devices and FIFOs are not even opened.
    /// - Parameter limit: bytes
    /// - Throws: ENOENT; EINVAL when it is not a regular file; EFBIG beyond the limit.
    public func readInRoot(_ path: String, limit: Int) throws(KernelError) -> [UInt8] {
        let named = try openInRoot(path, .path)
        guard try named.status().kind == .regular else {
            throw KernelError(call: "open", errno: .invalid, subject: "\(inRoot(path)): not a regular file")
        }
        // Opening through procfs opens the very object that was checked.
        let proc = named.procPath
        let file = Descriptor(
            owning: try invoke("openat", inRoot(path)) {
                // Safe: the path lives for the call.
                unsafe apron_openat(workingDirectory, proc, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0)
            })
        return try file.readContents(limit: limit, inRoot(path))
    }

    /// Opens the directory at a path inside this root and makes what is missing of it.
    ///
    /// Existing directories stay as they are. New ones get exactly this mode and owner.
    /// - Throws: ENOTDIR when something else is in the way; EEXIST at a dangling symbolic link.
    public func makeDirectoriesInRoot(
        _ path: String, mode: UInt32, uid: UInt32, gid: UInt32
    ) throws(KernelError) -> Directory {
        // Nearly always everything is there.
        do throws(KernelError) { return try openDirectoryInRoot(path) } catch  where error.errno == .noEntry {}

        var reached = "/"
        var current = try openDirectoryInRoot("/")
        for component in path.split(separator: "/") where component != "." {
            let name = String(component)
            let next = reached + (reached.hasSuffix("/") ? "" : "/") + name
            // By the whole path, not from the last directory: a link or `..` means something only from the root.
            do throws(KernelError) {
                current = try openDirectoryInRoot(next)
            } catch  where error.errno == .noEntry && name != ".." {
                do throws(KernelError) {
                    let made = try current.make(name, mode: mode)
                    try made.chown(uid: uid, gid: gid)
                    current = made
                } catch  where error.errno == .exists {
                    // Made by the container at this moment, or a dangling link, which fails here again.
                    current = try openDirectoryInRoot(next)
                }
            }
            reached = next
        }
        return current
    }

    private func inRoot(_ path: String) -> String {
        subject(path.hasPrefix("/") ? String(path.drop { $0 == "/" }) : path)
    }
}
