internal import CKernel
internal import Glibc

/// Lists a directory in chunks of one getdents64(2) each, so that its size does not matter.
public struct EntryReader: ~Copyable {
    /// An entry and what the file system says it is; ``FileStatus/Kind/unknown`` where it does not say.
    public struct Entry: Sendable {
        /// The name.
        public let name: FileName
        /// The kind at the time of listing.
        public let kind: FileStatus.Kind
    }

    private let directory: EntryDirectory
    private var buffer: [UInt8]

    // One system call brings 200 to 1,000 names; larger buffers were not faster.
    private static let bufferBytes = 32 * 1024

    /// Lists a directory from where its descriptor stands, which is the start of one just opened.
    public init(_ directory: EntryDirectory) {
        self.directory = directory
        buffer = []
    }

    /// The next entries without `.` and `..`, last one first; empty at the end.
    public mutating func next() throws(KernelError) -> [Entry] {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: EntryReader.bufferBytes) }
        let number = directory.number
        while true {
            // Safe: the kernel fills at most the bytes of the buffer and says how many.
            let filled = try invoke("getdents64") {
                unsafe buffer.withUnsafeMutableBytes { unsafe apron_getdents(number, $0.baseAddress, $0.count) }
            }
            // Those who take entries from the end need no buffer between chunks.
            let entries = parse(filled)
            if filled == 0 || !entries.isEmpty { return entries }
        }
    }

    // struct linux_dirent64 (getdents(2)): inode 8, offset 8, record length 2, type 1, name with NUL.
    private func parse(_ filled: Int) -> [Entry] {
        var entries: [Entry] = []
        var start = 0
        while start + 19 < filled {
            let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
            precondition(length > 19 && start + length <= filled, "getdents64 record")
            let bytes = buffer[(start + 19)..<(start + length)].prefix { $0 != 0 }
            let isDots = bytes.first == UInt8(ascii: ".") && bytes.count <= 2 && bytes.last == UInt8(ascii: ".")
            if !isDots, let name = FileName(bytes) {
                entries.append(Entry(name: name, kind: EntryReader.kind(buffer[start + 18])))
            }
            start += length
        }
        return entries.reversed()
    }

    private static func kind(_ type: UInt8) -> FileStatus.Kind {
        // The types of readdir(3) are the upper bits of a mode.
        FileStatus.Kind(mode: UInt32(type) << 12)
    }
}
