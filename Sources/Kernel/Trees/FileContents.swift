internal import CKernel
internal import Glibc

/// Copies the contents of regular files by the cheapest way that works, holes included.
///
/// The ways are tried in their order and one that the file systems do not offer is not tried again: shared blocks
/// (FICLONE), a copy inside the kernel (copy_file_range(2)), a copy through a buffer.
public struct FileContents {
    private enum Way { case shared, kernel, buffer }

    private var way = Way.shared
    private var buffer: [UInt8] = []

    // Between two looks whether the copy is still wanted.
    private static let chunkBytes = 8 << 20
    private static let bufferBytes = 256 * 1024
    // SEEK_DATA and SEEK_HOLE (lseek(2)), which glibc hides from Swift.
    private static let (seekData, seekHole): (Int32, Int32) = (3, 4)

    /// Begins with the cheapest way.
    public init() {}

    /// Copies what a file has when this is called; one that shrinks meanwhile gives what is left.
    /// - Parameters:
    ///   - source: open for reading, at its start
    ///   - target: empty, open for writing
    ///   - status: of the source
    /// - Returns: bytes copied, without holes
    /// - Throws: ECANCELED; ENOSPC and so on
    public mutating func copy(
        _ source: borrowing Descriptor, to target: borrowing Descriptor, _ status: FileStatus,
        isCancelled: () -> Bool, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> UInt64 {
        let (from, to, size) = (source.number, target.number, Int64(clamping: status.size))
        if size == 0 { return 0 }
        if way == .shared {
            if apron_clone_file(to, from) == 0 { return status.size }
            try giveUpWay(ErrorNumber.current, "ioctl FICLONE", subject())
        }
        guard status.allocated < status.size else {
            return UInt64(try copyRange(from, to, count: size, isCancelled, subject()))
        }

        var (offset, copied): (Int64, Int64) = (0, 0)
        while offset < size, let data = try seek(from, offset, FileContents.seekData, subject()), data < size {
            let end = min(size, try seek(from, data, FileContents.seekHole, subject()) ?? size)
            try invoke("lseek", subject()) { lseek(from, Int(data), SEEK_SET) }
            try invoke("lseek", subject()) { lseek(to, Int(data), SEEK_SET) }
            copied += try copyRange(from, to, count: end - data, isCancelled, subject())
            offset = end
        }
        // A hole at the end.
        try invoke("ftruncate", subject()) { ftruncate(to, Int(size)) }
        return UInt64(copied)
    }

    /// Nil behind the last data; a file system without holes answers that all is data.
    private func seek(
        _ file: Int32, _ offset: Int64, _ whence: Int32, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> Int64? {
        do throws(KernelError) {
            return Int64(try invoke("lseek", subject()) { lseek(file, Int(offset), whence) })
        } catch  where error.errno.rawValue == ENXIO { return nil }
    }

    /// Copies up to `count` bytes at the files' positions.
    private mutating func copyRange(
        _ from: Int32, _ to: Int32, count: Int64, _ isCancelled: () -> Bool, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> Int64 {
        var copied: Int64 = 0
        while copied < count {
            if isCancelled() { throw KernelError(call: "copy", errno: .cancelled, subject: subject()) }
            let wanted = Int(min(count - copied, Int64(FileContents.chunkBytes)))
            let moved = try copySome(from, to, wanted, subject())
            if moved == 0 { break }
            copied += Int64(moved)
        }
        return copied
    }

    private mutating func copySome(
        _ from: Int32, _ to: Int32, _ count: Int, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> Int {
        if way == .kernel {
            do throws(KernelError) {
                return try invoke("copy_file_range", subject()) { apron_copy_file_range(from, to, count) }
            } catch { try giveUpWay(error.errno, "copy_file_range", subject()) }
        }
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: FileContents.bufferBytes) }
        let capacity = min(count, buffer.count)
        let got = try invoke("read", subject()) {
            // Safe: at most `capacity` bytes, no more than the buffer holds.
            unsafe buffer.withUnsafeMutableBytes { unsafe read(from, $0.baseAddress, capacity) }
        }
        var written = 0
        while written < got {
            written += try invoke("write", subject()) {
                // Safe: the range lies inside what read has filled.
                unsafe buffer.withUnsafeBytes { bytes in
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written..<got])
                    return unsafe write(to, rest.baseAddress, rest.count)
                }
            }
        }
        return got
    }

    /// Goes on to the next way when this one is not offered here, else throws what went wrong.
    private mutating func giveUpWay(_ errno: ErrorNumber, _ call: String, _ subject: String) throws(KernelError) {
        // EXDEV between file systems, EINVAL and EOPNOTSUPP where it is unknown, ENOTTY without the ioctl, EPERM and
        // ENOSYS behind a system call filter, ETXTBSY for swap files.
        let refused = [EXDEV, EINVAL, EOPNOTSUPP, ENOTTY, EPERM, ENOSYS, ETXTBSY]
        guard refused.contains(errno.rawValue) else { throw KernelError(call: call, errno: errno, subject: subject) }
        way = way == .shared ? .kernel : .buffer
    }
}
