internal import Kernel
internal import Storage

/// What a path of an import stands for: another volume, part of one, a directory of the host, or an archive.
struct VolumeImport {
    /// What the store is to make the volume from.
    let source: VolumeStore.Source
    /// For the span: volume, directory or archive.
    let kind: String

    /// Opens what is at the path.
    /// - Throws: unknownParent for a path below the volumes' directory that lies in none; else why it cannot be opened
    init(_ path: String, followsSymlinks: Bool, _ facilities: VolumeFacilities) throws {
        guard path.hasPrefix("/") else {
            throw VolumeError(.invalid, "import of \(path): the path must be absolute")
        }
        if let place = try facilities.volume(at: path) {
            kind = "volume"
            // A whole one needs no copy. A volume's links lead to places in it, so that there is nothing to follow.
            let isWhole = place.rest.isEmpty
            source = isWhole ? .copy(of: place.handle) : .subtree(of: place.handle, path: place.rest)
            return
        }
        let opened = try Descriptor(opening: path, [.nonBlocking, .noControllingTerminal])
        switch try opened.status().kind {
        case .directory:
            kind = "directory"
            source = .tree(try Directory(path), followsSymlinks: followsSymlinks)
        case .regular:
            kind = "archive"
            let archive = ArchiveFile(SharedDescriptor(opened), path, program: facilities.archiveProgram)
            source = .archive { try archive.unpack(into: $0) }
        default: throw VolumeError(.invalid, "import of \(path): neither a directory nor an archive")
        }
    }
}
