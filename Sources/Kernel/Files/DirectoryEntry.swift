internal import CKernel
internal import Glibc

/// An entry of a directory: any bytes but NUL and slash may be its name.
struct DirectoryEntry {
    /// The name's bytes with a closing NUL, as system calls take them.
    let name: [CChar]
    /// Whether the file system said that it is a directory; not all file systems say.
    let isDirectory: Bool

    /// The name, or nil when it is not UTF-8.
    var string: String? { String(validating: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }

    /// The name for messages, with replacement characters where it is not UTF-8.
    var display: String { String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}

/// Reads the entries of an open directory in chunks of one getdents64(2) each, so that its size does not matter.
struct DirectoryReader: ~Copyable {
    let descriptor: Descriptor
    private var buffer: [UInt8]

    // One system call brings 200 to 1,000 names; larger buffers were not faster.
    private static let bufferBytes = 32 * 1024

    init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
        buffer = []
    }

    /// The next entries without `.` and `..`; empty at the end.
    mutating func next(_ path: @autoclosure () -> String) throws(KernelError) -> [DirectoryEntry] {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: DirectoryReader.bufferBytes) }
        let number = descriptor.number
        while true {
            // Safe: the kernel fills at most the bytes of the buffer and says how many.
            let filled = try invoke("getdents64", path()) {
                unsafe buffer.withUnsafeMutableBytes { unsafe apron_getdents(number, $0.baseAddress, $0.count) }
            }
            if filled == 0 { return [] }
            let entries = parse(filled)
            // A chunk may hold nothing but `.` and `..`.
            if !entries.isEmpty { return entries }
        }
    }

    /// Starts again at the first entry.
    func rewind(_ path: @autoclosure () -> String) throws(KernelError) {
        let number = descriptor.number
        try invoke("lseek", path()) { lseek(number, 0, SEEK_SET) }
    }

    // struct linux_dirent64 (getdents(2)): inode 8, offset 8, record length 2, type 1, name with NUL.
    private func parse(_ filled: Int) -> [DirectoryEntry] {
        var entries: [DirectoryEntry] = []
        var start = 0
        while start + 19 < filled {
            let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
            precondition(length > 19 && start + length <= filled, "getdents64 record")
            let bytes = buffer[(start + 19)..<(start + length)].prefix { $0 != 0 }
            if !bytes.elementsEqual(".".utf8) && !bytes.elementsEqual("..".utf8) {
                let name = bytes.map { CChar(bitPattern: $0) } + [0]
                entries.append(DirectoryEntry(name: name, isDirectory: buffer[start + 18] == UInt8(DT_DIR)))
            }
            start += length
        }
        return entries
    }
}
