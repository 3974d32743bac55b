internal import Kernel

/// A copy in progress: a walk through the source, and the directory of the target that belongs to where it is.
struct TreeCopyRun: ~Copyable {
    private let source: Directory
    private let options: TreeCopy.Options
    private var walk: TreeWalk
    private var made: DirectoryChain
    private var contents = FileContents()
    private var links: HardLinks
    private(set) var count = TreeCount()

    init(_ source: Directory, _ target: Directory, _ options: TreeCopy.Options) throws(KernelError) {
        let made = try DirectoryChain(target)
        walk = try TreeWalk(source)
        self.made = made
        self.source = source
        self.options = options
        links = HardLinks(target)
    }

    /// Copies one entry, or leaves a directory that has no more; false when all is done.
    mutating func step(_ isCancelled: () -> Bool) throws(KernelError) -> Bool {
        if isCancelled() { throw KernelError(call: "copy", errno: .cancelled, subject: source.path) }
        var next: EntryName?
        do throws(KernelError) { next = try walk.next() } catch  where error.errno == .noEntry {
            // The directory itself was removed meanwhile and has no entries any more.
        }
        if let next {
            try copy(next, isCancelled)
            return true
        }
        // At the end, since every entry made in a directory changes its time.
        try finishDirectory()
        guard try walk.leave() else { return false }
        try made.leave()
        return true
    }

    private mutating func copy(_ name: EntryName, _ isCancelled: () -> Bool) throws(KernelError) {
        let path = walk.current.path(of: name)
        guard let named = try open(name) else {
            count.vanished += 1
            return
        }
        var entry = CopiedEntry(name: name, path: path, status: try named.status())
        var object = named
        if options.followsSymlinks && entry.status.kind == .symbolicLink {
            guard let followed = try follow(name) else {
                count.leftOut += 1
                return
            }
            object = followed
            entry.status = try object.status()
            entry.isFollowed = true
        }
        if isLeftOut(entry.status) {
            count.leftOut += 1
            return
        }
        count.files += 1
        switch entry.status.kind {
        case .directory: try enter(entry, object)
        case .regular: try copyFile(entry, object, isCancelled)
        default: try copyNode(entry, object)
        }
    }

    /// Nil when the entry is gone.
    private func open(_ name: EntryName) throws(KernelError) -> Descriptor? {
        do throws(KernelError) { return try walk.current.open(name, .path) } catch  where error.errno == .noEntry {
            return nil
        }
    }

    /// What a symbolic link leads to; nil when that is nothing.
    private func follow(_ name: EntryName) throws(KernelError) -> Descriptor? {
        do throws(KernelError) {
            if options.keepsLinksInside { return try source.openInRoot(walk.names + [name]) }
            return try walk.current.openFollowing(name)
        } catch  where error.errno == .noEntry || error.errno == .notDirectory { return nil }
    }

    private func isLeftOut(_ status: FileStatus) -> Bool {
        if status.kind == .socket || status.kind == .unknown { return true }
        let isWhiteout = status.kind == .characterDevice && status.node == DeviceNumber(major: 0, minor: 0)
        return isWhiteout && !options.keepsOverlayAttributes
    }

    // MARK: Kinds of entries

    private mutating func enter(
        _ entry: borrowing CopiedEntry, _ object: borrowing Descriptor
    ) throws(KernelError) {
        let (name, path) = (entry.name, entry.path)
        if entry.isFollowed && walk.contains(entry.status) {
            throw KernelError(
                call: "copy", errno: .tooManyLinks, subject: "\(path): the link leads to a directory above")
        }
        let directory = Directory(try object.reopened(.directory, path), path: path)
        let copy = try made.current.makeDirectory(name)
        try walk.enter(name, directory, byLink: entry.isFollowed)
        try made.enter(copy)
    }

    private mutating func copyFile(
        _ entry: borrowing CopiedEntry, _ object: borrowing Descriptor, _ isCancelled: () -> Bool
    ) throws(KernelError) {
        let (name, path) = (entry.name, entry.path)
        if !options.followsSymlinks, try links.link(entry.status, to: made.current, name) { return }
        let file = try object.reopened(.readOnly, path)
        let copy = try made.current.open(name, [.writeOnly, .create, .exclusive])
        count.bytes += try contents.copy(file, to: copy, entry.status, isCancelled: isCancelled, path)
        try finish(object, copy, entry.status, path)
        if !options.followsSymlinks { links.remember(entry.status, at: walk.names + [name]) }
    }

    private mutating func copyNode(
        _ entry: borrowing CopiedEntry, _ object: borrowing Descriptor
    ) throws(KernelError) {
        let (name, path) = (entry.name, entry.path)
        if !options.followsSymlinks, try links.link(entry.status, to: made.current, name) { return }
        if entry.status.kind == .symbolicLink {
            try made.current.symlink(name, to: try object.linkText(path))
        } else {
            try made.current.makeNode(name, entry.status.kind, device: entry.status.node)
        }
        let copy = try made.current.open(name, .path)
        try finish(object, copy, entry.status, path)
        if !options.followsSymlinks { links.remember(entry.status, at: walk.names + [name]) }
    }

    // MARK: What belongs to an entry

    private mutating func finishDirectory() throws(KernelError) {
        let (from, to) = (walk.current, made.current)
        let status = try from.status()
        // Borrowed at once: both stay open while this runs.
        try from.withDescriptor { (object) throws(KernelError) in
            try to.withDescriptor { (copy) throws(KernelError) in try finish(object, copy, status, from.path) }
        }
    }

    private mutating func finish(
        _ object: borrowing Descriptor, _ copy: borrowing Descriptor, _ status: FileStatus, _ path: String
    ) throws(KernelError) {
        if options.followsSymlinks {
            // As `cp -Lr` under the usual umask.
            return try copy.setMode(status.mode & 0o755, path)
        }
        let map = options.ownerMap
        // The owner first, which takes set-user-id and capabilities away; the mode after the ACL, which changes it; the
        // times last of all.
        try copy.setOwner(uid: map?(status.uid) ?? status.uid, gid: map?(status.gid) ?? status.gid, path)
        try copyAttributes(object, copy, path)
        if status.kind != .symbolicLink { try copy.setMode(status.mode, path) }
        try copy.setTimes(accessed: status.accessed, modified: status.modified, path)
    }

    private mutating func copyAttributes(
        _ object: borrowing Descriptor, _ copy: borrowing Descriptor, _ path: String
    ) throws(KernelError) {
        for name in try object.attributes(path) {
            let isOverlays = name.hasPrefix(TreeCopy.overlayPrefix)
            if isOverlays && !options.keepsOverlayAttributes { continue }
            // Gone since it was listed, or for the file system's own eyes only.
            guard let value = try object.attribute(name, path) else { continue }
            do throws(KernelError) { try copy.setAttribute(name, value, path) } catch {
                // A layer without its marks would show other files; of others `cp -a` thinks no worse.
                let isTolerable = [ErrorNumber.notSupported, .permission, .invalid].contains(error.errno)
                guard isTolerable && !isOverlays else { throw error }
                count.attributesLost += 1
            }
        }
    }
}

/// An entry of the source on its way.
private struct CopiedEntry {
    let name: EntryName
    let path: String
    var status: FileStatus
    /// Whether it stands for a symbolic link that leads to it.
    var isFollowed = false
}
