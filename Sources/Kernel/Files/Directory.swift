internal import CKernel
internal import Glibc

/// A directory held by a descriptor (O_PATH): what is done in it is done in this very directory, whatever its path
/// leads to by then.
///
/// Names are single components (see ``PathName``) and are never followed when they are symbolic links. Methods that
/// take paths say how those are resolved.
public final class Directory: Sendable {
    /// The path it was opened by; for messages only.
    public let path: String

    private let descriptor: Descriptor

    /// Opens a directory by a path of the host, following symbolic links.
    /// - Throws: ENOENT, ENOTDIR and so on, with the path.
    public init(_ path: String) throws(KernelError) {
        self.path = path
        descriptor = try openResolving(workingDirectory, path, [.path, .directory], mode: 0, [], path)
    }

    /// Takes over a descriptor of a directory.
    public init(_ descriptor: consuming Descriptor, path: String) {
        self.path = path
        self.descriptor = descriptor
    }

    /// The descriptor's number; valid while this object lives.
    public var number: Int32 { descriptor.number }

    /// The path by which this process, and a system call that takes only paths, can name the directory.
    public var procPath: String { descriptor.procPath }

    /// Calls `body` with the descriptor, which stays open meanwhile.
    public func withDescriptor<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Descriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(descriptor)
    }

    /// The path of an entry, for messages.
    func subject(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

    // MARK: Directories

    /// Opens a directory beneath this one by a relative path without symbolic links.
    /// - Throws: ENOENT; ENOTDIR; ELOOP at a symbolic link; EXDEV for a path that leads out.
    public func open(_ name: String) throws(KernelError) -> Directory {
        let resolve: ResolveFlags = [.beneath, .noSymlinks]
        let opened = try openResolving(number, name, [.path, .directory], mode: 0, resolve, subject(name))
        return Directory(opened, path: subject(name))
    }

    /// Makes a directory with exactly this mode, whatever the umask, and opens it.
    /// - Throws: EEXIST when the name is taken.
    @discardableResult
    public func make(_ name: String, mode: UInt32 = 0o755) throws(KernelError) -> Directory {
        try PathName.check(name)
        // Safe: the name lives for the call.
        try invoke("mkdirat", subject(name)) { unsafe mkdirat(number, name, mode & 0o777) }
        let made = try open(name)
        try made.setMode(mode)
        return made
    }

    /// Opens a directory, or makes it first; an existing one keeps its mode.
    public func makeIfMissing(_ name: String, mode: UInt32 = 0o755) throws(KernelError) -> Directory {
        do throws(KernelError) { return try make(name, mode: mode) } catch  where error.errno == .exists {
            return try open(name)
        }
    }

    /// The names of the entries, in no order; names that are not UTF-8 are left out.
    public func entries() throws(KernelError) -> [String] {
        var reader = try self.reader()
        var names: [String] = []
        while true {
            let chunk = try reader.next(path)
            if chunk.isEmpty { return names }
            names.append(contentsOf: chunk.compactMap(\.string))
        }
    }

    /// Whether there is no entry at all, also none with an odd name.
    public func isEmpty() throws(KernelError) -> Bool {
        var reader = try self.reader()
        return try reader.next(path).isEmpty
    }

    func reader() throws(KernelError) -> DirectoryReader {
        // An O_PATH descriptor cannot be read; "." of it can be opened again whatever mount covers the path.
        DirectoryReader(try openResolving(number, ".", [.directory], mode: 0, .beneath, path))
    }

    // MARK: Entries

    /// Whether an entry of this name exists, be it a dangling symbolic link.
    public func exists(_ name: String) throws(KernelError) -> Bool {
        do throws(KernelError) {
            _ = try status(name)
            return true
        } catch  where error.errno == .noEntry { return false }
    }

    /// The status of an entry; of the link itself when it is a symbolic link.
    public func status(_ name: String) throws(KernelError) -> FileStatus {
        try PathName.check(name)
        return try FileStatus.read(number, name, subject(name))
    }

    /// The status of the directory itself.
    public func status() throws(KernelError) -> FileStatus { try FileStatus.read(number, "", path) }

    /// The room on the directory's file system.
    public func space() throws(KernelError) -> FileSystemSpace {
        var space = apron_space()
        // Safe: the call fills the structure.
        try invoke("fstatfs", path) { unsafe apron_fstatfs(number, &space) }
        return FileSystemSpace(
            kind: UInt32(truncatingIfNeeded: space.kind), bytes: space.blocks * space.block_bytes,
            bytesAvailable: space.blocks_available * space.block_bytes, inodes: space.inodes,
            inodesAvailable: space.inodes_available)
    }

    /// Renames an entry, also into another directory of the same mount.
    /// - Parameter noReplace: fails with EEXIST when the new name is taken, instead of replacing it (RENAME_NOREPLACE)
    /// - Throws: ENOENT; EXDEV between mounts; ENOTEMPTY when a directory that is not empty would be replaced.
    public func rename(
        _ name: String, to target: Directory, _ newName: String, noReplace: Bool = false
    ) throws(KernelError) {
        try PathName.check(name)
        try PathName.check(newName)
        let renameNoReplace: UInt32 = 1
        try invoke("renameat2", "\(subject(name)) to \(target.subject(newName))") {
            // Safe: both names live for the call.
            unsafe apron_renameat2(number, name, target.number, newName, noReplace ? renameNoReplace : 0)
        }
    }

    /// Removes a file, link or empty directory.
    /// - Throws: ENOENT; ENOTEMPTY; EBUSY for a mount point.
    public func remove(_ name: String) throws(KernelError) {
        try PathName.check(name)
        do throws(KernelError) {
            // Safe: the name lives for the call.
            try invoke("unlinkat", subject(name)) { unsafe unlinkat(number, name, 0) }
        } catch  where error.errno == .isDirectory {
            try invoke("unlinkat", subject(name)) { unsafe unlinkat(number, name, AT_REMOVEDIR) }
        }
    }

    /// Makes a symbolic link `name` with the text `target`.
    public func symlink(_ name: String, to target: String) throws(KernelError) {
        try PathName.check(name)
        try PathName.checkPath(target)
        // Safe: both strings live for the call.
        try invoke("symlinkat", subject(name)) { unsafe symlinkat(target, number, name) }
    }

    /// Makes a device node, FIFO or empty regular file (mknodat(2)) with exactly this mode.
    public func makeNode(
        _ name: String, _ kind: FileStatus.Kind, mode: UInt32, device: DeviceNumber = DeviceNumber(major: 0, minor: 0)
    ) throws(KernelError) {
        try PathName.check(name)
        let type: UInt32
        switch kind {
        case .characterDevice: type = UInt32(S_IFCHR)
        case .blockDevice: type = UInt32(S_IFBLK)
        case .fifo: type = UInt32(S_IFIFO)
        case .regular: type = UInt32(S_IFREG)
        default: throw KernelError(call: "mknodat", errno: .invalid, subject: subject(name))
        }
        try invoke("mknodat", subject(name)) {
            // Safe: the name lives for the call.
            unsafe apron_mknodat(number, name, type | mode & 0o777, device.major, device.minor)
        }
        // mknodat(2) obeys the umask; this does not. The entry was made by this call, hence is no link.
        try invoke("fchmodat", subject(name)) { unsafe fchmodat(number, name, mode, 0) }
    }

    /// Sets the owner of an entry, not following a symbolic link.
    public func chown(_ name: String, uid: UInt32, gid: UInt32) throws(KernelError) {
        try PathName.check(name)
        try invoke("fchownat", subject(name)) {
            // Safe: the name lives for the call.
            unsafe fchownat(number, name, uid, gid, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// Sets the owner of the directory itself.
    public func chown(uid: UInt32, gid: UInt32) throws(KernelError) {
        // Safe: the empty path names the descriptor.
        try invoke("fchownat", path) { unsafe fchownat(number, "", uid, gid, emptyPath) }
    }

    /// Sets the mode of the directory itself.
    public func setMode(_ mode: UInt32) throws(KernelError) {
        // fchmod(2) refuses O_PATH descriptors; the link in procfs leads to exactly this directory.
        // Safe: the path lives for the call.
        try invoke("chmod", path) { unsafe chmod(procPath, mode) }
    }
}

extension Directory {
    /// A descriptor of the directory that may outlive this object.
    public func shared() throws(KernelError) -> SharedDescriptor {
        SharedDescriptor(try withDescriptor { descriptor throws(KernelError) in try descriptor.duplicate() })
    }
}
