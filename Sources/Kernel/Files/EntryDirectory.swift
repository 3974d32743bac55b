internal import CKernel
internal import Glibc

/// A directory that is open for listing and for making entries in it.
///
/// Entries have names of any bytes, and none is followed when it is a symbolic link. Errors name the entry alone: whoever
/// works through a tree knows the way to it.
public final class EntryDirectory: Sendable {
    private let descriptor: Descriptor

    /// Opens a directory that is held by descriptor.
    public init(_ directory: Directory) throws(KernelError) {
        descriptor = try openResolving(directory.number, ".", [.directory], mode: 0, .beneath, directory.path)
    }

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// The descriptor's number; valid while this object lives.
    public var number: Int32 { descriptor.number }

    /// Calls `body` with the descriptor, which stays open meanwhile.
    public func withDescriptor<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Descriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(descriptor)
    }

    /// Opens a directory beneath this one.
    /// - Throws: ENOENT; ENOTDIR; ELOOP when a symbolic link is on the way or at its end; EXDEV for a path that leads out
    public func open(_ path: FileName) throws(KernelError) -> EntryDirectory {
        EntryDirectory(
            try openResolving(
                number, rawName: path.chars, [.directory],
                [.beneath, .noSymlinks], "\(path)"))
    }

    /// Makes a regular file and opens it for writing; nil when the name is taken.
    public func makeFile(_ name: FileName, mode: UInt32) throws(KernelError) -> Descriptor? {
        do throws(KernelError) {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            return Descriptor(
                owning: try invoke("openat", "\(name)") {
                    // Safe: the name ends with NUL and lives for the call.
                    unsafe apron_openat(number, name.chars, flags, mode)
                })
        } catch  where error.errno == .exists { return nil }
    }

    /// Opens a regular file for reading. Anything else is not waited for, but may be opened: ask for its status.
    public func openFile(_ name: FileName) throws(KernelError) -> Descriptor {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        return Descriptor(
            owning: try invoke("openat", "\(name)") {
                // Safe: the name ends with NUL and lives for the call.
                unsafe apron_openat(number, name.chars, flags, 0)
            })
    }

    /// Makes a directory; false when the name is taken.
    public func makeDirectory(_ name: FileName, mode: UInt32) throws(KernelError) -> Bool {
        // Safe: the name ends with NUL and lives for the call.
        try unlessTaken("mkdirat", name) { unsafe apron_mkdirat(number, name.chars, mode) }
    }

    /// Makes a device node or FIFO; false when the name is taken.
    public func makeNode(
        _ name: FileName, _ kind: FileStatus.Kind, mode: UInt32, device: DeviceNumber
    ) throws(KernelError) -> Bool {
        let type: UInt32
        switch kind {
        case .characterDevice: type = UInt32(S_IFCHR)
        case .blockDevice: type = UInt32(S_IFBLK)
        case .fifo: type = UInt32(S_IFIFO)
        default: throw KernelError(call: "mknodat", errno: .invalid, subject: "\(name)")
        }
        return try unlessTaken("mknodat", name) {
            // Safe: the name ends with NUL and lives for the call.
            unsafe apron_mknodat(number, name.chars, type | mode, device.major, device.minor)
        }
    }

    /// Makes a symbolic link with the text `target`; false when the name is taken.
    public func makeSymbolicLink(_ name: FileName, to target: FileName) throws(KernelError) -> Bool {
        // Safe: both end with NUL and live for the call.
        try unlessTaken("symlinkat", name) { unsafe apron_symlinkat(target.text, number, name.text) }
    }

    /// Makes another name of an entry; false when the name is taken. A symbolic link gets the name itself.
    /// - Throws: ENOENT when there is nothing to link to; EPERM for a directory
    public func makeHardLink(
        _ name: FileName, to directory: EntryDirectory, _ existing: FileName
    ) throws(KernelError) -> Bool {
        try unlessTaken("linkat", name) {
            // Safe: both end with NUL and live for the call.
            unsafe apron_linkat(directory.number, existing.text, number, name.text)
        }
    }

    /// Removes an entry that is no directory.
    /// - Throws: ENOENT; EISDIR
    public func remove(_ name: FileName) throws(KernelError) {
        // Safe: the name ends with NUL and lives for the call.
        try invoke("unlinkat", "\(name)") { unsafe apron_unlinkat(number, name.text, 0) }
    }

    /// The status of an entry.
    public func status(_ name: FileName) throws(KernelError) -> FileStatus {
        var status = apron_status()
        try invoke("statx", "\(name)") {
            // Safe: the name ends with NUL and lives for the call, which fills the structure.
            unsafe apron_status_of(number, name.text, &status)
        }
        return FileStatus(status)
    }

    /// The text of a symbolic link; empty when somebody made it so.
    public func readLink(_ name: FileName) throws(KernelError) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: PathName.pathBytesMax)
        let count = try invoke("readlinkat", "\(name)") {
            // Safe: the name ends with NUL, and the call writes at most the bytes of the buffer.
            unsafe apron_readlink_of(number, name.text, &text, PathName.pathBytesMax)
        }
        return Array(text[..<count])
    }

    /// Sets the owner of an entry; clears set-user-id and so on.
    public func setOwner(_ name: FileName, uid: UInt32, gid: UInt32) throws(KernelError) {
        // Safe: the name ends with NUL and lives for the call.
        try invoke("fchownat", "\(name)") { unsafe apron_set_owner(number, name.text, uid, gid) }
    }

    /// Sets the mode of an entry that is known to be no symbolic link: this call would follow it.
    public func setMode(_ name: FileName, _ mode: UInt32) throws(KernelError) {
        // Safe: the name ends with NUL and lives for the call.
        try invoke("fchmodat", "\(name)") { unsafe apron_set_mode(number, name.text, mode) }
    }

    /// Sets the time of the last change of an entry.
    public func setModified(_ name: FileName, _ time: FileTime) throws(KernelError) {
        try invoke("utimensat", "\(name)") {
            // Safe: the name ends with NUL and lives for the call.
            unsafe apron_set_modified(number, name.text, time.seconds, time.nanoseconds)
        }
    }

    private func unlessTaken(
        _ call: StaticString, _ name: FileName, _ body: () -> Int32
    ) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try invoke(call, "\(name)", body)
            return true
        } catch  where error.errno == .exists { return false }
    }
}
