internal import Glibc

extension Directory {
    /// Removes an entry with all that is beneath it; nothing to do when it is missing.
    ///
    /// Works by descriptors alone, follows no symbolic link and enters no mount: a mount point in the tree is EBUSY or
    /// EXDEV and stays. Depth and number of entries do not matter, and few descriptors are open at a time.
    public func removeTree(_ name: String) throws(KernelError) {
        try PathName.check(name)
        var removal = TreeRemoval(of: self, name)
        try removal.run()
    }
}

/// A removal in progress: the chain of open directories from the top of the tree to where it works.
private struct TreeRemoval {
    private final class Level {
        /// The directory's name in the one above, with NUL.
        let name: [CChar]
        let display: String
        var reader: DirectoryReader
        var pending: [DirectoryEntry] = []
        var removedSinceRewind = false

        init(name: [CChar], display: String, reader: consuming DirectoryReader) {
            self.name = name
            self.display = display
            self.reader = reader
        }
    }

    // Deeper directories are moved up to the top of the tree, so this many descriptors do for any depth.
    private static let levelsMax = 64
    // A directory that others keep filling is given up after this many sweeps.
    private static let sweepsMax = 32

    private let parent: Directory
    private let top: DirectoryEntry
    private var levels: [Level] = []
    private var refused = 0

    init(of parent: Directory, _ name: String) {
        self.parent = parent
        top = DirectoryEntry(name: name.utf8.map { CChar(bitPattern: $0) } + [0], isDirectory: false)
    }

    mutating func run() throws(KernelError) {
        try remove(top)
        while let level = levels.last {
            if level.pending.isEmpty { level.pending = try level.reader.next(path) }
            if let entry = level.pending.popLast() {
                try remove(entry)
            } else {
                try finish(level)
            }
        }
    }

    private var path: String {
        (levels.isEmpty ? [parent.path] : [parent.path] + levels.map(\.display)).joined(separator: "/")
    }

    private var current: Int32 { levels.last?.reader.descriptor.number ?? parent.number }

    /// Removes an entry of the current directory, or enters it when it is a directory with entries.
    private mutating func remove(_ entry: DirectoryEntry) throws(KernelError) {
        var isDirectory = entry.isDirectory
        if !isDirectory {
            do throws(KernelError) { try unlink(entry.name, 0, entry.display) } catch {
                switch error.errno {
                case .noEntry: return
                case .isDirectory: isDirectory = true
                default: throw error
                }
            }
        }
        if isDirectory {
            do throws(KernelError) { try unlink(entry.name, AT_REMOVEDIR, entry.display) } catch {
                switch error.errno {
                case .noEntry: return
                // ENOTDIR: replaced since it was listed; the next sweep sees what it is now.
                case .notDirectory: return
                case .notEmpty, .exists: try enter(entry)
                default: throw error
                }
            }
        }
        levels.last?.removedSinceRewind = true
    }

    private mutating func enter(_ entry: DirectoryEntry) throws(KernelError) {
        let subject = "\(path)/\(entry.display)"
        if levels.count == TreeRemoval.levelsMax, let first = levels.first {
            // The first level is listed again before it is removed, so the moved directory will be found there.
            let (from, to) = (current, first.reader.descriptor.number)
            let name = Directory.temporaryName()
            try invoke("renameat", subject) {
                // Safe: both names live for the call.
                unsafe renameat(from, entry.name, to, name)
            }
            first.removedSinceRewind = true
            return
        }
        let resolve: ResolveFlags = [.beneath, .noSymlinks, .noCrossing]
        let opened = try openResolving(current, rawName: entry.name, [.directory, .noFollow], resolve, subject)
        levels.append(Level(name: entry.name, display: entry.display, reader: DirectoryReader(opened)))
    }

    /// The current directory has no more entries to list: lists it again if that may bring more, else removes it.
    private mutating func finish(_ level: Level) throws(KernelError) {
        if level.removedSinceRewind {
            // Some file systems skip entries when others are removed while they are listed.
            level.removedSinceRewind = false
            return try level.reader.rewind(path)
        }
        levels.removeLast()
        do throws(KernelError) { try unlink(level.name, AT_REMOVEDIR, level.display) } catch {
            switch error.errno {
            case .noEntry: return
            case .notEmpty where refused < TreeRemoval.sweepsMax:
                refused += 1
                level.removedSinceRewind = true
                levels.append(level)
            default: throw error
            }
        }
    }

    private func unlink(_ name: [CChar], _ flags: Int32, _ display: String) throws(KernelError) {
        let directory = current
        // Safe: the name ends with NUL and lives for the call.
        try invoke("unlinkat", "\(path)/\(display)") { unsafe unlinkat(directory, name, flags) }
    }
}
