internal import Kernel

/// The directory of batches on disk: one file a batch, named by its number, in its ``BodyFormat``.
final class SpoolDirectory: Sendable {
    private let directory: Directory

    /// The most that is read of one file: a batch ends long before.
    private static let fileBytesMax = 256 << 20

    /// Opens the directory, or makes it and those above.
    init(_ path: String) throws(KernelError) {
        var directory = try Directory("/")
        for name in path.split(separator: "/") {
            do throws(KernelError) { directory = try directory.make(String(name), mode: 0o700) } catch
                where error.errno == .exists
            {
                directory = try Directory(directory.path == "/" ? "/\(name)" : "\(directory.path)/\(name)")
            }
        }
        self.directory = directory
    }

    /// A file that a batch is written to.
    func create(_ name: BatchName) throws(KernelError) -> SharedDescriptor {
        SharedDescriptor(try directory.openFile(name.description, [.writeOnly, .append, .create, .exclusive]))
    }

    /// Adds a piece to a file; on failure a part of it may be there.
    func append(_ bytes: [UInt8], to file: SharedDescriptor, _ name: BatchName) throws(KernelError) {
        try file.with { file throws(KernelError) in try file.writeContents(bytes, "\(directory.path)/\(name)") }
    }

    func read(_ name: BatchName) throws(KernelError) -> [UInt8] {
        try directory.read(name.description, limit: Self.fileBytesMax)
    }

    func remove(_ name: BatchName) throws(KernelError) { try directory.remove(name.description) }

    /// The batches that are there, oldest first; other files are none of ours.
    func batches() throws(KernelError) -> [BatchName] {
        try directory.entries().compactMap(BatchName.init).sorted { $0.number < $1.number }
    }
}

/// `0000018f….pb`: numbers grow over restarts, since they begin with the calendar.
struct BatchName: Hashable, Sendable, CustomStringConvertible {
    let number: UInt64
    let format: BodyFormat

    init(number: UInt64, format: BodyFormat) {
        self.number = number
        self.format = format
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 16, let number = UInt64(parts[0], radix: 16),
            let format = BodyFormat(rawValue: String(parts[1]))
        else { return nil }
        self.init(number: number, format: format)
    }

    var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits + "." + format.rawValue
    }
}
