internal import CKernel
internal import Glibc

/// The name of an entry as the file system has it: any bytes but NUL and slash, UTF-8 or not.
///
/// Names come from listings alone, so one is always a single component; for names of one's own see ``PathName``.
public struct EntryName: Hashable, Sendable, CustomStringConvertible {
    /// The bytes with a closing NUL, as system calls take them.
    let bytes: [CChar]

    init(bytes: [CChar]) { self.bytes = bytes }

    /// The name for messages, with replacement characters where it is not UTF-8.
    public var description: String { String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}

/// What a symbolic link says: any bytes but NUL.
public struct LinkText: Hashable, Sendable {
    let bytes: [CChar]
}

/// Entries by the names that listings brought.
extension Directory {
    /// The path of an entry, for messages.
    public func path(of name: EntryName) -> String { subject(name.description) }

    /// Opens an entry, or the symbolic link itself where ``OpenFlags/path`` is given; close-on-exec.
    /// - Throws: ENOENT; ELOOP for a symbolic link
    public func open(_ name: EntryName, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(KernelError) -> Descriptor {
        try openResolving(number, rawName: name.bytes, flags.union(.noFollow), mode: mode, .beneath, path(of: name))
    }

    /// Names what an entry leads to, following symbolic links as any program of the host would (O_PATH).
    public func openFollowing(_ name: EntryName) throws(KernelError) -> Descriptor {
        try openResolving(number, rawName: name.bytes, .path, [], path(of: name))
    }

    /// Names what a chain of entries leads to, following symbolic links as a program would whose root is this directory
    /// (O_PATH, RESOLVE_IN_ROOT).
    /// - Throws: ENAMETOOLONG where the names make a path that the kernel does not take
    public func openInRoot(_ names: [EntryName]) throws(KernelError) -> Descriptor {
        let joined = Array(names.map { $0.bytes.dropLast() }.joined(separator: [CChar(UInt8(ascii: "/"))])) + [0]
        return try openResolving(number, rawName: joined, .path, [.inRoot, .noMagicLinks], path)
    }

    /// The directory that a chain of entries leads to, however long it is; follows no symbolic link.
    public func descend(_ names: some Sequence<EntryName>) throws(KernelError) -> Directory {
        var reached = self
        for name in names { reached = try reached.directory(name) }
        return reached
    }

    /// Opens a directory of this name that is no symbolic link, for reading.
    public func directory(_ name: EntryName) throws(KernelError) -> Directory {
        Directory(try open(name, .directory), path: path(of: name))
    }

    /// The status of an entry; of the link itself when it is a symbolic link.
    public func status(_ name: EntryName) throws(KernelError) -> FileStatus {
        var status = apron_status()
        try invoke("statx", path(of: name)) {
            // Safe: the name ends with NUL and lives for the call, which fills the structure.
            unsafe apron_statx(number, name.bytes, AT_SYMLINK_NOFOLLOW, &status)
        }
        return FileStatus(status)
    }

    /// Makes a directory that only its owner may enter, and opens it for reading.
    /// - Throws: EEXIST when the name is taken
    public func makeDirectory(_ name: EntryName) throws(KernelError) -> Directory {
        // Safe: the name ends with NUL and lives for the call.
        try invoke("mkdirat", path(of: name)) { unsafe mkdirat(number, name.bytes, 0o700) }
        return try directory(name)
    }

    /// Makes a symbolic link with this text.
    public func symlink(_ name: EntryName, to text: LinkText) throws(KernelError) {
        // Safe: both end with NUL and live for the call.
        try invoke("symlinkat", path(of: name)) { unsafe symlinkat(text.bytes, number, name.bytes) }
    }

    /// Makes another name for a file, which lies in the same mount.
    /// - Throws: EXDEV; EMLINK beyond what the file system allows; EEXIST when the new name is taken
    public func link(_ name: EntryName, to target: Directory, _ newName: EntryName) throws(KernelError) {
        try invoke("linkat", "\(path(of: name)) as \(target.path(of: newName))") {
            // Safe: both names end with NUL and live for the call.
            unsafe linkat(number, name.bytes, target.number, newName.bytes, 0)
        }
    }

    /// Makes a device node or FIFO that only its owner may use.
    public func makeNode(
        _ name: EntryName, _ kind: FileStatus.Kind, device: DeviceNumber
    ) throws(KernelError) {
        let type: UInt32
        switch kind {
        case .characterDevice: type = UInt32(S_IFCHR)
        case .blockDevice: type = UInt32(S_IFBLK)
        case .fifo: type = UInt32(S_IFIFO)
        default: throw KernelError(call: "mknodat", errno: .invalid, subject: path(of: name))
        }
        try invoke("mknodat", path(of: name)) {
            // Safe: the name ends with NUL and lives for the call.
            unsafe apron_mknodat(number, name.bytes, type | 0o600, device.major, device.minor)
        }
    }
}
