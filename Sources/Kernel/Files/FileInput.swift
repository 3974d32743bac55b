internal import CKernel
internal import Glibc

/// An instant as file systems keep it.
public struct FileTime: Hashable, Sendable {
    /// Whole seconds since the epoch, rounded down.
    public let seconds: Int64
    /// What is over them: 0 to 999,999,999.
    public let nanoseconds: Int64

    /// An instant.
    public init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// The contents of files, and of pipes, in memory that the caller has.
extension Descriptor {
    /// Reads once into a part of `target` from the file's position; 0 at the end. Blocks on a pipe.
    public borrowing func readSome(into target: UnsafeMutableRawBufferPointer) throws(KernelError) -> Int {
        let number = number
        // Safe: the call writes at most the bytes of the buffer.
        return try invoke("read") { unsafe Glibc.read(number, target.baseAddress, target.count) }
    }

    /// Reads once into a part of `target` from `offset`; 0 at the end.
    public borrowing func readSome(
        into target: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(KernelError) -> Int {
        let number = number
        // Safe: the call writes at most the bytes of the buffer.
        return try invoke("pread") { unsafe pread(number, target.baseAddress, target.count, Int(offset)) }
    }

    /// Writes all bytes at the file's position. Blocks on a pipe.
    public borrowing func writeAll(_ bytes: UnsafeRawBufferPointer) throws(KernelError) {
        let number = number
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            // Safe: the rest of the buffer, which lives for the call.
            let written = try invoke("write") { unsafe Glibc.write(number, rest.baseAddress, rest.count) }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Writes all bytes at `offset`.
    public borrowing func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError) {
        let number = number
        var (rest, place) = unsafe (bytes, offset)
        while unsafe !rest.isEmpty {
            // Safe: the rest of the buffer, which lives for the call.
            let written = try invoke("pwrite") { unsafe pwrite(number, rest.baseAddress, rest.count, Int(place)) }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            place += Int64(written)
        }
    }

    /// Makes the file so long: what is added is a hole (ftruncate(2)).
    public borrowing func resize(_ bytes: Int64) throws(KernelError) {
        let number = number
        try invoke("ftruncate") { ftruncate(number, Int(bytes)) }
    }

    /// Where the data at or behind `offset` begins and ends; nil when there is only a hole (lseek(2) SEEK_DATA). Moves
    /// the position.
    public borrowing func data(from offset: Int64) throws(KernelError) -> Range<Int64>? {
        let number = number
        do throws(KernelError) {
            let start = try invoke("lseek") { apron_seek_data(number, offset) }
            let end = try invoke("lseek") { apron_seek_hole(number, start) }
            return start..<max(start, end)
        } catch  where error.errno == ErrorNumber(rawValue: ENXIO) { return nil }
    }

    /// Sets the owner; clears set-user-id and so on.
    public borrowing func setOwner(uid: UInt32, gid: UInt32) throws(KernelError) {
        let number = number
        try invoke("fchown") { fchown(number, uid, gid) }
    }

    /// Sets the permission bits, 12 of them.
    public borrowing func setMode(_ mode: UInt32) throws(KernelError) {
        let number = number
        try invoke("fchmod") { fchmod(number, mode) }
    }

    /// Sets the time of the last change.
    public borrowing func setModified(_ time: FileTime) throws(KernelError) {
        let number = number
        // No path means the descriptor itself.
        try invoke("futimens") {
            apron_set_modified(number, nil, time.seconds, time.nanoseconds)
        }
    }
}

extension ErrorNumber {
    /// The user may not have more blocks or files on this file system (EDQUOT).
    public static let quotaExceeded = ErrorNumber(rawValue: EDQUOT)
}
