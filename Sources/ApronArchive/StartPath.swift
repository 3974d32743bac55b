import ArchiveProtocol
import Kernel

/// The path of a request, resolved inside the root as a process in it would: links and `..` end at the root.
struct StartPath {
    private let text: String
    private let components: [String]

    /// Takes the path as clients write it, with every `..` removed as the stock server removes it.
    init(_ path: String) {
        var bytes: [UInt8] = []
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        let all = Array(path.utf8)
        var place = 0
        while place < all.count {
            if all[place] == dot, place + 1 < all.count, all[place + 1] == dot {
                place += 2
            } else {
                bytes.append(all[place])
                place += 1
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
        components = bytes.split(separator: slash).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
    }

    /// The last component; nil for the root.
    var name: String? { components.last }

    private static func root() throws(KernelError) -> Directory { try Directory("/") }

    /// Opens the directory and makes what is missing of it: mode 0755, owned by the root of the process.
    func makeDirectory() throws(KernelError) -> EntryDirectory {
        let root = try StartPath.root()
        var current = root
        var reached = "."
        for component in components {
            reached += "/" + component
            // By the whole path: a link means something only from the root.
            if let next = try StartPath.existing(reached, root) {
                current = next
                continue
            }
            guard let name = FileName(Array(component.utf8)) else {
                throw KernelError(call: "mkdirat", errno: .invalid, subject: text)
            }
            // Taken: by somebody at this moment, or by a link to nowhere, which the next call finds again.
            _ = try EntryDirectory(current).makeDirectory(name, mode: 0o755)
            current = try root.openDirectoryInRoot(reached)
        }
        return try EntryDirectory(current)
    }

    private static func existing(_ path: String, _ root: Directory) throws(KernelError) -> Directory? {
        do throws(KernelError) { return try root.openDirectoryInRoot(path) } catch  where error.errno == .noEntry {
            return nil
        }
    }

    enum Object {
        case directory(EntryDirectory)
        /// Anything else, open for reading when it is a regular file.
        case entry(SharedDescriptor, FileStatus)
    }

    /// Finds what is there.
    /// - Throws: noSuchFile
    func open() throws -> Object {
        do throws(KernelError) { return try openObject() } catch {
            guard [.noEntry, .notDirectory, .tooManyLinks, .crossDevice].contains(error.errno) else { throw error }
            throw ArchiveFault(.noSuchFile, "\(error)", entry: text, call: error.call, errno: error.errno.rawValue)
        }
    }

    private func openObject() throws(KernelError) -> Object {
        let root = try StartPath.root()
        let path = "./" + components.joined(separator: "/")
        let named = SharedDescriptor(try root.openInRoot(path, .path))
        let status = try StartPath.status(of: named)
        switch status.kind {
        case .directory: return .directory(try EntryDirectory(try root.openDirectoryInRoot(path)))
        case .regular:
            let file = SharedDescriptor(try root.openInRoot(path, [.nonBlocking, .noControllingTerminal]))
            let opened = try StartPath.status(of: file)
            guard opened.kind == .regular else { throw KernelError(call: "openat2", errno: .noEntry, subject: text) }
            return .entry(file, opened)
        default: return .entry(named, status)
        }
    }

    private static func status(of descriptor: SharedDescriptor) throws(KernelError) -> FileStatus {
        try descriptor.with { (descriptor) throws(KernelError) in try descriptor.status() }
    }
}
