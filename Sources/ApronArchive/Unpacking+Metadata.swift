import ArchiveProtocol
import Kernel

extension Unpacking {
    /// Makes an entry by `make`, which answers nil when the name is taken, in place of what has the name.
    @discardableResult
    func replacing<Result>(
        _ name: FileName, in parent: TargetTree.Parent, _ make: () throws(KernelError) -> Result?
    ) throws(ArchiveFault) -> Result {
        // Somebody else may make entries of the same name meanwhile, but not for ever.
        let triesMax = 16
        do throws(KernelError) {
            for _ in 0..<triesMax {
                if let made = try make() { return made }
                do throws(KernelError) { try parent.directory.remove(name) } catch  where error.errno == .noEntry {}
            }
            throw KernelError(call: "openat", errno: .exists, subject: "\(name)")
        } catch {
            var fault = ArchiveFault(error)
            if error.errno == .isDirectory { fault.text = "a directory is in the way of a file (\(error.errno.name))" }
            throw fault
        }
    }

    /// Gives an open file or directory its owner, mode and attributes, in this order: a new owner clears set-user-id
    /// and file capabilities.
    /// - Parameter isNew: it was just made by this process with the permission bits of the entry
    /// - Returns: the default access list, which everything made in the directory would inherit
    func finish(
        _ entry: TarEntry, _ path: EntryPath, _ file: borrowing Descriptor, isNew: Bool
    ) throws -> [UInt8]? {
        let (uid, gid) = (try Unpacking.id(entry.uid), try Unpacking.id(entry.gid))
        if !isNew || uid != 0 || gid != 0 { try file.setOwner(uid: uid, gid: gid) }
        if !isNew || entry.mode & 0o7000 != 0 { try file.setMode(entry.mode) }
        var defaultList: [UInt8]?
        for attribute in entry.attributes() {
            if attribute.name == AttributeRules.defaultList {
                defaultList = attribute.value
                continue
            }
            try set(attribute.name, path) { () throws(KernelError) in
                try file.setFileAttribute(attribute.name, attribute.value, path.display)
            }
        }
        return defaultList
    }

    /// Gives a symbolic link, device node or FIFO that was just made its owner, mode, attributes and time.
    func finish(_ entry: TarEntry, _ name: FileName, in parent: TargetTree.Parent) throws {
        let directory = parent.directory
        let (uid, gid) = (try Unpacking.id(entry.uid), try Unpacking.id(entry.gid))
        if uid != 0 || gid != 0 || parent.hasInfluence { try directory.setOwner(name, uid: uid, gid: gid) }
        if entry.kind != .symbolicLink, entry.mode & 0o7000 != 0 || parent.hasInfluence {
            try directory.setMode(name, entry.mode)
        }
        for attribute in entry.attributes() {
            let path = try EntryPath(entry.name)
            try set(attribute.name, path) { () throws(KernelError) in
                // There is no call that takes a directory's descriptor and a name before Linux 6.13.
                try Confinement.changeDirectory(to: directory)
                try name.setFileAttribute(attribute.name, attribute.value)
            }
        }
        try directory.setModified(name, entry.modified)
    }

    /// Sets an attribute, or warns when it is none to keep or the file system does not take it.
    private func set(_ name: [UInt8], _ path: EntryPath, _ body: () throws(KernelError) -> Void) throws(KernelError) {
        let display = String(decoding: name, as: UTF8.self)
        guard AttributeRules.keeps(name) else {
            return reporter.warn("\(path.display): the attribute \(display) was left out")
        }
        do throws(KernelError) { try body() } catch {
            guard [.notSupported, .permission, .invalid].contains(error.errno) else { throw error }
            reporter.warn("\(path.display): the attribute \(display) was left out: \(error.errno)")
        }
    }

    private static func id(_ id: Int64) throws(ArchiveFault) -> UInt32 {
        // The last number means "no change" to the kernel.
        guard let id = UInt32(exactly: id), id != .max else {
            throw ArchiveFault(.badArchive, "its owner's id is \(id)")
        }
        return id
    }
}
