internal import CKernel
internal import Glibc
internal import Synchronization

extension Directory {
    /// Names of files that are being written begin so; what a dead process left of them may be removed at any time.
    public static let temporaryPrefix = ".apron-new."

    /// Opens an entry that is not a symbolic link; close-on-exec.
    public func openFile(_ name: String, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(KernelError) -> Descriptor {
        try PathName.check(name)
        return Descriptor(
            owning: try invoke("openat", subject(name)) {
                // Safe: the name lives for the call.
                unsafe apron_openat(number, name, flags.rawValue | O_NOFOLLOW | O_CLOEXEC, mode)
            })
    }

    /// The whole contents of a regular file.
    /// - Parameter limit: bytes
    /// - Throws: ENOENT; ELOOP for a symbolic link; EINVAL when it is not a regular file; EFBIG beyond the limit.
    public func read(_ name: String, limit: Int) throws(KernelError) -> [UInt8] {
        let file = try openFile(name, [.nonBlocking, .noControllingTerminal])
        guard try file.status().kind == .regular else {
            throw KernelError(call: "read", errno: .invalid, subject: "\(subject(name)): not a regular file")
        }
        return try file.readContents(limit: limit, subject(name))
    }

    /// As ``read(_:limit:)``, or nil when there is no such file.
    public func readIfPresent(_ name: String, limit: Int) throws(KernelError) -> [UInt8]? {
        do throws(KernelError) { return try read(name, limit: limit) } catch  where error.errno == .noEntry {
            return nil
        }
    }

    /// Puts a file with these contents in place of whatever has the name, in one step: written aside, then renamed.
    ///
    /// A reader, and a crash, sees the old contents or the new ones.
    /// - Parameter durable: on the disk when this returns, also after a power cut (fsync of file and directory)
    public func write(
        _ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644, durable: Bool = false
    ) throws(KernelError) {
        try PathName.check(name)
        let aside = Directory.temporaryName()
        let file = try openFile(aside, [.writeOnly, .create, .exclusive], mode: mode)
        do throws(KernelError) {
            let descriptor = file.number
            try invoke("fchmod", subject(aside)) { fchmod(descriptor, mode) }
            try file.writeContents(bytes, subject(name))
            if durable { try invoke("fsync", subject(name)) { fsync(descriptor) } }
            try rename(aside, to: self, name)
        } catch {
            try? remove(aside)
            throw error
        }
        if durable { try synchronize() }
    }

    /// Adds bytes to the end of a regular file, which is made when missing.
    public func append(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(KernelError) {
        let file = try openFile(name, [.writeOnly, .append, .create, .nonBlocking], mode: mode)
        guard try file.status().kind == .regular else {
            throw KernelError(call: "write", errno: .invalid, subject: "\(subject(name)): not a regular file")
        }
        try file.writeContents(bytes, subject(name))
    }

    /// Makes what was named, renamed and removed in this directory survive a power cut (fsync(2)).
    public func synchronize() throws(KernelError) {
        let opened = try openResolving(number, ".", [.directory], mode: 0, .beneath, path)
        let descriptor = opened.number
        try invoke("fsync", path) { fsync(descriptor) }
    }

    /// The text of a symbolic link.
    public func readLink(_ name: String) throws(KernelError) -> String {
        try PathName.check(name)
        var text = [CChar](repeating: 0, count: PathName.pathBytesMax)
        let count = try invoke("readlinkat", subject(name)) {
            // Safe: the call writes at most the bytes of the buffer.
            unsafe readlinkat(number, name, &text, PathName.pathBytesMax)
        }
        return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let counter = Atomic<UInt64>(0)

    /// A name that no live process uses: the clock makes it unique against dead processes with the same pid.
    static func temporaryName() -> String {
        let count = counter.add(1, ordering: .relaxed).newValue
        return "\(temporaryPrefix)\(getpid()).\(bootTime()).\(count)"
    }
}

extension Descriptor {
    /// Reads from the file's position to its end.
    /// - Parameter limit: bytes; a longer file is EFBIG, so that nobody mistakes a part for the whole
    public borrowing func readContents(
        limit: Int, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> [UInt8] {
        let number = number
        // One byte more than wanted tells a file at the limit from a longer one.
        let (first, most) = (16 * 1024, limit + 1)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(first, most))
        while true {
            let wanted = min(buffer.count, most - bytes.count)
            let count = try invoke("read", subject()) {
                // Safe: at most `wanted` bytes, no more than the buffer holds.
                unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, wanted) }
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            if bytes.count > limit { throw KernelError(call: "read", errno: .fileTooBig, subject: subject()) }
        }
    }

    /// Writes all bytes at the file's position, for regular files.
    public borrowing func writeContents(
        _ bytes: [UInt8], _ subject: @autoclosure () -> String
    ) throws(KernelError) {
        let number = number
        var written = 0
        while written < bytes.count {
            written += try invoke("write", subject()) {
                // Safe: the rest of the array, which lives for the call.
                unsafe bytes.withUnsafeBytes {
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: $0[written...])
                    return unsafe Glibc.write(number, rest.baseAddress, rest.count)
                }
            }
        }
    }
}

extension ErrorNumber {
    /// The file is longer than the caller accepts.
    public static let fileTooBig = ErrorNumber(rawValue: EFBIG)
}
