import ArchiveProtocol
import Kernel

/// The directory that an archive is unpacked into, and those beneath it that are in use just now.
///
/// No symbolic link is followed on any way beneath it, be it from the archive or from before.
struct TargetTree {
    /// A directory that entries are made in.
    final class Parent {
        let directory: EntryDirectory
        /// Whether new entries get something from it that the archive does not say: its group (set-group-id), or the
        /// permissions of its default access list.
        let hasInfluence: Bool

        init(_ directory: EntryDirectory) throws(KernelError) {
            self.directory = directory
            hasInfluence = try directory.withDescriptor { (descriptor) throws(KernelError) in
                if try descriptor.status().mode & 0o2000 != 0 { return true }
                return try descriptor.fileAttribute(AttributeRules.defaultList, "default access list") != nil
            }
        }
    }

    /// What a directory gets when everything in it is made.
    private struct Ending {
        let path: [UInt8]
        let modified: FileTime
        let defaultList: [UInt8]?
    }

    /// Directories held open; archives go through a tree in depth, so few are in use at a time.
    private static let parentsMax = 128
    /// Directories whose times are still to be set. With more of them, some get their times before everything in them
    /// is made; in archives that go through a tree in depth these are finished ones.
    private static let endingsMax = 65_536
    /// Longer paths are opened in pieces: the kernel takes 4,095 bytes at a time.
    private static let pieceBytesMax = 3_000

    let root: Parent
    private var parents: [ArraySlice<UInt8>: Parent] = [:]
    private var last: (path: ArraySlice<UInt8>, parent: Parent)?
    private var endings: [Ending] = []

    init(_ root: EntryDirectory) throws(KernelError) { self.root = try Parent(root) }

    /// The directory at a path.
    /// - Parameter make: makes what is missing of it
    mutating func parent(_ path: ArraySlice<UInt8>, make: Bool = true) throws(ArchiveFault) -> Parent {
        if path.isEmpty { return root }
        if let last, last.path == path { return last.parent }
        if let known = parents[path] {
            last = (path, known)
            return known
        }
        var found = try opened(path)
        if found == nil && make { found = try makeParent(path) }
        guard let found else {
            throw TargetTree.fault(KernelError(call: "openat2", errno: .noEntry), path)
        }
        if parents.count == TargetTree.parentsMax { parents.removeAll(keepingCapacity: true) }
        parents[path] = found
        last = (path, found)
        return found
    }

    /// Opens a directory; nil when it is missing.
    private func opened(_ path: ArraySlice<UInt8>) throws(ArchiveFault) -> Parent? {
        do throws(KernelError) { return try Parent(try open(path)) } catch {
            if error.errno == .noEntry { return nil }
            throw TargetTree.fault(error, path)
        }
    }

    private mutating func makeParent(_ path: ArraySlice<UInt8>) throws(ArchiveFault) -> Parent {
        let slash = path.lastIndex(of: UInt8(ascii: "/"))
        let above = try parent(slash.map { path[..<$0] } ?? path.prefix(0))
        guard let name = FileName(slash.map { path[($0 + 1)...] } ?? path) else {
            throw ArchiveFault(.badArchive, "its name is no name of a file")
        }
        do throws(KernelError) {
            _ = try above.directory.makeDirectory(name, mode: 0o755)
            return try Parent(try above.directory.open(name))
        } catch { throw TargetTree.fault(error, path) }
    }

    private func open(_ path: ArraySlice<UInt8>) throws(KernelError) -> EntryDirectory {
        var (directory, rest) = (root.directory, path)
        while rest.count > TargetTree.pieceBytesMax {
            let cut = rest.prefix(TargetTree.pieceBytesMax).lastIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            directory = try directory.open(try TargetTree.name(rest[..<cut]))
            rest = rest[cut...].dropFirst()
        }
        return rest.isEmpty ? directory : try directory.open(try TargetTree.name(rest))
    }

    private static func name(_ bytes: ArraySlice<UInt8>) throws(KernelError) -> FileName {
        guard let name = FileName(bytes) else { throw KernelError(call: "openat2", errno: .invalid) }
        return name
    }

    static func fault(_ error: KernelError, _ path: ArraySlice<UInt8>) -> ArchiveFault {
        let display = String(decoding: path, as: UTF8.self)
        var fault = ArchiveFault(error)
        switch error.errno {
        case .tooManyLinks: fault.text = "\(display) leads through a symbolic link (\(error.errno.name))"
        case .notDirectory: fault.text = "\(display) leads through something that is no directory (\(error.errno.name))"
        case .noEntry: fault.text = "\(display) is not there (\(error.errno.name))"
        default: return fault
        }
        fault.kind = .badArchive
        return fault
    }

    /// Notes what a directory gets at the end: everything made in it would change its time.
    mutating func atEnd(_ path: [UInt8], modified: FileTime, defaultList: [UInt8]?) throws(ArchiveFault) {
        if endings.count == TargetTree.endingsMax { try finish() }
        endings.append(Ending(path: path, modified: modified, defaultList: defaultList))
    }

    /// Sets what was noted.
    mutating func finish() throws(ArchiveFault) {
        // Later entries of the same name are right.
        for ending in endings {
            do throws(KernelError) {
                let directory = ending.path.isEmpty ? root.directory : try open(ending.path[...])
                try directory.withDescriptor { (descriptor) throws(KernelError) in
                    if let list = ending.defaultList {
                        try descriptor.setFileAttribute(AttributeRules.defaultList, list, "default access list")
                    }
                    try descriptor.setModified(ending.modified)
                }
            } catch  where error.errno == .noEntry || error.errno == .notDirectory {
                // Somebody else removed it meanwhile.
            } catch { throw ArchiveFault(error, entry: String(decoding: ending.path, as: UTF8.self)) }
        }
        endings.removeAll(keepingCapacity: true)
    }
}
