internal import CKernel
internal import Glibc

/// A directory of a cgroup file system, v1 or v2; all access is relative to its descriptor (cgroups(7)).
///
/// Relative names may hold several components (`handle/payload`): one path walk is cheaper than a descriptor each.
/// Nothing in a cgroup file system is a symbolic link, and only the kernel makes files there.
public final class CgroupDirectory: Sendable {
    /// The directory's absolute path, for error texts and for logs.
    public let path: String

    private let descriptor: Descriptor

    /// Opens a directory by its absolute path.
    public init(path: String) throws(KernelError) {
        self.path = path
        self.descriptor = Descriptor(
            owning: try invoke("openat", path) {
                // Safe: the string lives for the duration of the call.
                unsafe apron_openat(AT_FDCWD, path, Self.pathOnly | O_DIRECTORY | O_CLOEXEC, 0)
            }
        )
    }

    /// Opens a directory beneath this one.
    public init(beneath parent: CgroupDirectory, name: String) throws(KernelError) {
        self.path = parent.subject(name)
        self.descriptor = try parent.open(name)
    }

    /// A descriptor of a directory beneath this one (O_PATH), as CLONE_INTO_CGROUP and bpf(2) take it.
    public func open(_ name: String) throws(KernelError) -> Descriptor {
        Descriptor(owning: try openNumber(name, Self.pathOnly | O_DIRECTORY))
    }

    /// A descriptor of a control file beneath this one; `writable` opens it for writing only.
    public func openFile(_ name: String, writable: Bool) throws(KernelError) -> Descriptor {
        Descriptor(owning: try openNumber(name, writable ? O_WRONLY : O_RDONLY))
    }

    /// A descriptor of a control file beneath this one, for reading and writing.
    func openForBoth(_ name: String) throws(KernelError) -> Descriptor {
        Descriptor(owning: try openNumber(name, O_RDWR))
    }

    /// Makes a group (mkdirat(2)); EEXIST when there is one already.
    public func makeGroup(_ name: String) throws(KernelError) {
        try invoke("mkdirat", subject(name)) {
            // Safe: the string lives for the duration of the call.
            unsafe mkdirat(descriptor.number, name, 0o755)
        }
    }

    /// Makes a group unless it exists.
    public func makeGroupIfMissing(_ name: String) throws(KernelError) {
        do { try makeGroup(name) } catch { if error.errno != .exists { throw error } }
    }

    /// Removes a group without processes and sub-groups (unlinkat(2) AT_REMOVEDIR); EBUSY while it has any.
    public func removeGroup(_ name: String) throws(KernelError) {
        try invoke("rmdir", subject(name)) {
            // Safe: the string lives for the duration of the call.
            unsafe unlinkat(descriptor.number, name, AT_REMOVEDIR)
        }
    }

    /// Whether a file or group of this name exists.
    public func contains(_ name: String) -> Bool {
        // Safe: the string lives for the duration of the call.
        unsafe faccessat(descriptor.number, name, F_OK, 0) == 0
    }

    /// Writes one value to a control file; an error names file and value.
    public func write(_ value: String, to file: String) throws(KernelError) {
        try write([value], to: file)
    }

    /// Writes values to a control file one after the other, each with a write(2) of its own as the kernel wants it.
    public func write(_ values: [String], to file: String) throws(KernelError) {
        let control = try openFile(file, writable: true)
        for value in values {
            let count = value.utf8.count
            try invoke("write", "\(subject(file)) = \(value)") {
                // Safe: the string is count bytes long and lives for the duration of the call.
                unsafe Glibc.write(control.number, value, count)
            }
        }
    }

    /// The whole text of a control file, at most 4 MiB of it.
    public func read(_ file: String) throws(KernelError) -> String {
        try Self.read(openFile(file, writable: false), subject(file))
    }

    /// The groups directly in a group beneath this one (`.` for its own), in no order.
    public func groups(in name: String = ".") throws(KernelError) -> [String] {
        // A directory stream owns its descriptor, so it gets one that the Descriptor type does not own.
        let number = try openNumber(name, O_RDONLY | O_DIRECTORY)
        // Safe: fdopendir takes the descriptor over; NULL leaves it to us.
        guard let stream = unsafe fdopendir(number) else {
            let errno = ErrorNumber.current
            _ = Glibc.close(number)
            throw KernelError(call: "fdopendir", errno: errno, subject: subject(name))
        }
        // Safe: the stream is ours and is closed once.
        defer { _ = unsafe closedir(stream) }
        var found: [String] = []
        // Safe: the entry is valid until the next readdir of this stream, which no other thread has.
        while found.count < Self.groupsMax, let entry = unsafe readdir(stream) {
            guard unsafe Int32(entry.pointee.d_type) == Int32(DT_DIR) else { continue }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                // Safe: d_name ends with NUL within its array.
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { found.append(name) }
        }
        return found
    }

    /// Gives a control file to a user; the group owner stays (fchownat(2)).
    public func changeOwner(of file: String, to user: UInt32) throws(KernelError) {
        try invoke("fchownat", subject(file)) {
            // Safe: the string lives for the duration of the call.
            unsafe fchownat(descriptor.number, file, user, gid_t.max, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// A path beneath this directory, for errors.
    public func subject(_ name: String) -> String { name == "." ? path : "\(path)/\(name)" }

    /// A container may fill its groups with sub-groups; a bound on how many of one group are looked at.
    private static let groupsMax = 100_000
    /// Room for the pids of 400,000 processes.
    private static let readMax = 4 << 20
    /// Most control files fit into one.
    private static let chunk = 4096

    /// O_PATH, which the Glibc module does not show; the same on x86-64 and aarch64.
    private static let pathOnly: Int32 = 0o10_000_000

    private func openNumber(_ name: String, _ flags: Int32) throws(KernelError) -> Int32 {
        try invoke("openat", subject(name)) {
            // Safe: the string lives for the duration of the call.
            unsafe apron_openat(descriptor.number, name, flags | O_CLOEXEC | O_NOFOLLOW, 0)
        }
    }
}

extension CgroupDirectory {
    /// Reads a descriptor from its start to its end; `subject` is for the error.
    static func read(
        _ descriptor: borrowing Descriptor,
        _ subject: @autoclosure () -> String
    ) throws(KernelError) -> String {
        let number = descriptor.number
        var bytes: [UInt8] = []
        var isAtEnd = false
        while !isAtEnd && bytes.count < readMax {
            let used = bytes.count
            let count = try invoke("read", subject()) {
                // Safe: the buffer lives for the closure, and the kernel fills no more than its size.
                unsafe withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 8) { buffer in
                    let count = unsafe pread(number, buffer.baseAddress, chunk, off_t(used))
                    if count > 0 { unsafe bytes.append(contentsOf: buffer.prefix(count)) }
                    return count
                }
            }
            // No line of these files is as long as half of it, and the kernel stops early for want of room alone.
            isAtEnd = count < chunk / 2
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
