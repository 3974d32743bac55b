import ArchiveProtocol
import Codecs
import Kernel

/// Unpacks an archive into the target.
///
/// Additive: what is there and not in the archive stays, and nothing is taken back after a failure. Existing files are
/// replaced, not written into, so that other names of them keep their contents.
struct Unpacking {
    let reporter: Reporter
    let isPrivileged: Bool
    let reader: TarReader
    var tree: TargetTree

    init(_ request: ArchiveRequest, _ reporter: Reporter) throws {
        self.reporter = reporter
        isPrivileged = request.isPrivileged
        tree = try TargetTree(try StartPath(request.path).makeDirectory())
        reporter.ready()
        let input = StreamEnd(0, reporter)
        let source = unsafe DecodingReader(request.format) { target in unsafe try input.receive(into: target) }
        reader = try TarReader(source, filters: request.format == nil)
    }

    mutating func run() throws {
        let (reader, reporter) = (reader, reporter)
        var entryName = ""
        let start = bootTime()
        defer {
            let elapsed = bootTime() - start
            reporter.spent(coding: reader.decodingNanoseconds, entries: elapsed - reader.waitedNanoseconds)
        }
        do {
            try reader.open()
            while let entry = try reader.next({ text in reporter.warn(text) }) {
                let name = entry.name
                do { try unpack(entry, named: name) } catch {
                    entryName = String(decoding: name, as: UTF8.self)
                    throw error
                }
                entryName = ""
                reporter.count(entries: 1, archiveBytes: reader.bytesRead)
            }
            try reader.finish()
            try tree.finish()
        } catch {
            reporter.count(archiveBytes: reader.bytesRead)
            throw ArchiveFault(error).at(entryName)
        }
        reporter.count(archiveBytes: reader.bytesRead)
    }

    private mutating func unpack(_ entry: TarEntry, named name: [UInt8]) throws {
        let path = try EntryPath(name)
        if path.wasAbsolute { reporter.warn("\(path.display): the leading slash was removed") }
        if path.isRoot {
            guard entry.kind == .directory else {
                throw ArchiveFault(.badArchive, "its name is no name of a file")
            }
            return try finishDirectory(entry, path, tree.root.directory, isNew: false)
        }
        switch entry.kind {
        case .directory: try makeDirectory(entry, path)
        case .regular: try makeFile(entry, path)
        case .hardLink: try makeHardLink(entry, path)
        case .symbolicLink:
            guard let target = FileName(entry.linkName) else {
                throw ArchiveFault(.badArchive, "the symbolic link leads to no name")
            }
            let parent = try tree.parent(path.parent)
            let name = try path.name()
            try replacing(name, in: parent) { () throws(KernelError) in
                try parent.directory.makeSymbolicLink(name, to: target) ? true : nil
            }
            try finish(entry, name, in: parent)
        case .fifo: try makeNode(entry, path, .fifo)
        case .characterDevice: try makeNode(entry, path, .characterDevice)
        case .blockDevice: try makeNode(entry, path, .blockDevice)
        case .socket: reporter.warn("\(path.display): a socket was left out")
        case .unknown: reporter.warn("\(path.display): an entry of unknown type was left out")
        }
    }

    // MARK: kinds

    private mutating func makeDirectory(_ entry: TarEntry, _ path: EntryPath) throws {
        let parent = try tree.parent(path.parent)
        let name = try path.name()
        // With the last mode at once, unless something would change it.
        let isNew = try parent.directory.makeDirectory(name, mode: entry.mode & 0o777)
        if !isNew, try parent.directory.status(name).kind != .directory {
            throw ArchiveFault(
                .failed, "something that is no directory is in the way of a directory", call: "mkdirat",
                errno: ErrorNumber.exists.rawValue)
        }
        let directory = try tree.parent(path.bytes[...], make: false).directory
        try finishDirectory(entry, path, directory, isNew: isNew && !parent.hasInfluence)
    }

    private mutating func finishDirectory(
        _ entry: TarEntry, _ path: EntryPath, _ directory: EntryDirectory, isNew: Bool
    ) throws {
        let defaultList = try directory.withDescriptor { descriptor in
            try finish(entry, path, descriptor, isNew: isNew)
        }
        try tree.atEnd(path.bytes, modified: entry.modified, defaultList: defaultList)
    }

    private mutating func makeFile(_ entry: TarEntry, _ path: EntryPath) throws {
        let parent = try tree.parent(path.parent)
        let name = try path.name()
        let mode = entry.mode & 0o777
        let number = try replacing(name, in: parent) { () throws(KernelError) in
            try parent.directory.makeFile(name, mode: mode)?.release()
        }
        let file = Descriptor(owning: number)
        try write(to: file, size: entry.size)
        _ = try finish(entry, path, file, isNew: !parent.hasInfluence)
        try file.setModified(entry.modified)
    }

    private func write(to file: borrowing Descriptor, size: Int64) throws {
        var end: Int64 = 0
        while let part = unsafe try reader.nextPart() {
            let count = unsafe part.bytes.count
            if count == 0 { continue }
            unsafe try file.writeAll(part.bytes, at: part.offset)
            end = unsafe part.offset + Int64(count)
            reporter.count(contentBytes: UInt64(count), archiveBytes: reader.bytesRead)
        }
        // A hole at the end.
        if end < size { try file.resize(size) }
    }

    private mutating func makeHardLink(_ entry: TarEntry, _ path: EntryPath) throws {
        let target = try EntryPath(entry.linkName)
        if target.wasAbsolute { reporter.warn("\(path.display): the leading slash of its target was removed") }
        if target.bytes == path.bytes { return reporter.warn("\(path.display): a hard link to itself was left out") }
        do {
            let directory = try tree.parent(target.parent, make: false).directory
            let existing = try target.name()
            let parent = try tree.parent(path.parent)
            let name = try path.name()
            // Before anything is removed for it.
            guard try directory.status(existing).kind != .directory else {
                throw KernelError(call: "linkat", errno: .permission, subject: target.display)
            }
            try replacing(name, in: parent) { () throws(KernelError) in
                try parent.directory.makeHardLink(name, to: directory, existing) ? true : nil
            }
        } catch let error as KernelError {
            guard [.noEntry, .permission].contains(error.errno) else { throw error }
            throw ArchiveFault(
                .badArchive, "the hard link leads to \(target.display), which is no file of the directory",
                call: error.call, errno: error.errno.rawValue)
        }
    }

    private mutating func makeNode(_ entry: TarEntry, _ path: EntryPath, _ kind: FileStatus.Kind) throws {
        let device = entry.device
        if kind != .fifo {
            if !isPrivileged {
                throw ArchiveFault(.badArchive, "a device node in a volume that is not privileged")
            }
            // An overlay's layer says by such a node that a file is not there.
            if kind == .characterDevice, device.major == 0, device.minor == 0 {
                throw ArchiveFault(.badArchive, "a whiteout (character device 0:0) is no content")
            }
        }
        let parent = try tree.parent(path.parent)
        let name = try path.name()
        try replacing(name, in: parent) { () throws(KernelError) in
            let node = kind == .fifo ? DeviceNumber(major: 0, minor: 0) : device
            return try parent.directory.makeNode(name, kind, mode: entry.mode & 0o777, device: node) ? true : nil
        }
        try finish(entry, name, in: parent)
    }
}
