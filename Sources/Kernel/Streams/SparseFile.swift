internal import CKernel
internal import Glibc

/// A regular file that is written at its end and given back to the file system at its beginning.
public struct SparseFile: Sendable {
    /// The open file.
    public let descriptor: SharedDescriptor
    /// Its name in its directory, for errors.
    private let name: String

    /// Bytes copied at once: the processor's second cache holds them between the two calls.
    private static let sendMax = 64 * 1024

    /// Opens an existing file for reading and writing; nil when there is none.
    /// - Throws: ELOOP for a symbolic link, EINVAL for what is not a regular file.
    public static func open(_ name: String, in directory: SharedDescriptor) throws(KernelError) -> SparseFile? {
        do {
            return try SparseFile(name, in: directory, flags: O_RDWR)
        } catch {
            if error.errno == .noEntry { return nil }
            throw error
        }
    }

    /// Makes a new file, readable and writable by its owner alone.
    /// - Throws: EEXIST when the name is taken.
    public static func create(_ name: String, in directory: SharedDescriptor) throws(KernelError) -> SparseFile {
        try SparseFile(name, in: directory, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    /// Removes the name from its directory (unlinkat(2)).
    /// - Throws: ENOENT when there is none.
    public static func remove(_ name: String, in directory: SharedDescriptor) throws(KernelError) {
        // Safe: the kernel reads a string that lives for the call.
        try invoke("unlinkat", name) { unsafe unlinkat(directory.number, name, 0) }
    }

    private init(_ name: String, in directory: SharedDescriptor, flags: Int32) throws(KernelError) {
        // O_NONBLOCK: what is there instead of our file might be a FIFO.
        let all = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        // Safe: the kernel reads a string that lives for the call.
        let number = try invoke("openat", name) { unsafe apron_openat(directory.number, name, all, 0o600) }
        descriptor = SharedDescriptor(Descriptor(owning: number))
        self.name = name
        if try status().mode & UInt32(S_IFMT) != UInt32(S_IFREG) {
            throw KernelError(call: "openat", errno: .invalid, subject: "\(name): not a regular file")
        }
    }

    /// The file's length in bytes.
    public func size() throws(KernelError) -> UInt64 { try status().size }

    /// Bytes that the file occupies on disk.
    public func occupiedBytes() throws(KernelError) -> UInt64 { try status().blocks * 512 }

    /// Gives a range back to the file system; it reads as zeros afterwards and the length stays (fallocate(2)).
    ///
    /// The kernel may zero pages in place that are on their way elsewhere by reference: where a page of the cache is
    /// larger than the range, sockets would send zeros for what sendfile(2) had given them. Hence ``send(to:at:count:)``.
    public func punchHole(at offset: Int64, length: Int64) throws(KernelError) {
        try invoke("fallocate", "\(name): hole of \(length) at \(offset)") {
            apron_punch_hole(descriptor.number, offset, length)
        }
    }

    /// Where data begins at or behind `offset`; nil when there is none (lseek(2) SEEK_DATA).
    public func nextData(from offset: Int64) throws(KernelError) -> Int64? {
        do { return try invoke("lseek", name) { apron_seek_data(descriptor.number, offset) } } catch {
            if error.errno.rawValue == ENXIO { return nil }
            throw error
        }
    }

    /// Writes all of a few bytes at `offset` (pwrite(2)).
    public func write(_ bytes: [UInt8], at offset: Int64) throws(KernelError) {
        // Safe: the kernel reads an array that lives for the call.
        let count = try invoke("pwrite", name) { unsafe pwrite(descriptor.number, bytes, bytes.count, Int(offset)) }
        // A regular file is written short only when the disk is full.
        if count != bytes.count { throw KernelError(call: "pwrite", errno: .noSpace, subject: name) }
    }

    /// Reads up to `count` bytes from `offset` on; fewer at the end of the file (pread(2)).
    public func read(_ count: Int, at offset: Int64) throws(KernelError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // Safe: the kernel writes at most the array's length into it.
        let got = try invoke("pread", name) { unsafe pread(descriptor.number, &bytes, bytes.count, Int(offset)) }
        bytes.removeSubrange(got...)
        return bytes
    }

    /// Sends up to `count` bytes from `offset` on to a socket, by copy (pread(2), send(2)); at most 64 KiB at once.
    /// - Returns: the bytes that the socket accepted, 0 at the end of the file, nil when it would block.
    public func send(to socket: SharedDescriptor, at offset: Int64, count: Int) throws(KernelError) -> Int? {
        let capacity = min(count, Self.sendMax)
        // Safe: both calls stay inside the buffer's capacity, and send reads only what pread has written.
        let outcome = unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 4096) { buffer in
            Result { () throws(KernelError) -> Int? in
                let got = try invoke("pread", name) {
                    unsafe pread(descriptor.number, buffer.baseAddress, capacity, Int(offset))
                }
                if got == 0 { return 0 }
                return try invokeNonBlocking("send") {
                    unsafe Glibc.send(socket.number, buffer.baseAddress, got, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                }
            }
        }
        return try outcome.get()
    }

    private func status() throws(KernelError) -> apron_file_status {
        var status = apron_file_status()
        // Safe: the call fills `status`.
        try invoke("fstat", name) { unsafe apron_file_status(descriptor.number, &status) }
        return status
    }
}
