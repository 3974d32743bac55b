internal import CKernel
internal import Glibc

/// A file that lives in memory and has no path (memfd_create(2)).
public struct Memfd: ~Copyable, Sendable {
    /// The open file, for passing to another process.
    public let descriptor: Descriptor
    private let name: String

    // linux/memfd.h and linux/fcntl.h, which glibc does not show to Swift.
    private static let closeOnExec: UInt32 = 0x1
    private static let allowSealing: UInt32 = 0x2
    private static let addSeals: Int32 = 1024 + 9
    private static let allSeals = 0x1 | 0x2 | 0x4 | 0x8  // F_SEAL_SEAL, _SHRINK, _GROW, _WRITE

    /// Makes an empty file; the name shows up in `/proc/<pid>/fd` only.
    public init(_ name: String) throws(KernelError) {
        self.name = name
        descriptor = Descriptor(
            owning: try invoke("memfd_create", name) {
                // Safe: the name lives for the call.
                unsafe apron_memfd_create(name, Memfd.closeOnExec | Memfd.allowSealing)
            })
    }

    /// Makes a file with these contents that nobody can change any more.
    public static func sealed(_ name: String, _ bytes: [UInt8]) throws(KernelError) -> Memfd {
        let memfd = try Memfd(name)
        try memfd.write(bytes)
        try memfd.seal()
        return memfd
    }

    /// Adds bytes at the end of what was written so far.
    public borrowing func write(_ bytes: [UInt8]) throws(KernelError) {
        let name = name
        try descriptor.writeContents(bytes, name)
    }

    /// Forbids every further change, also of the seals; fails with EBUSY while it is mapped writable somewhere.
    public borrowing func seal() throws(KernelError) {
        let (number, name) = (descriptor.number, name)
        try invoke("fcntl", name) { apron_fcntl(number, Memfd.addSeals, Memfd.allSeals) }
    }

    /// The whole contents from the start; moves the position that all duplicates share.
    /// - Throws: EFBIG beyond `limit` bytes.
    public borrowing func read(limit: Int) throws(KernelError) -> [UInt8] {
        let (number, name) = (descriptor.number, name)
        try invoke("lseek", name) { lseek(number, 0, SEEK_SET) }
        return try descriptor.readContents(limit: limit, name)
    }

    /// Gives up the descriptor; the caller owns it now.
    public consuming func release() -> Descriptor { descriptor }
}
