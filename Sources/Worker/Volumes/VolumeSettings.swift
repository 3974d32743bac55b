public import Storage

/// What the worker needs to know to keep volumes; made by the command line.
public struct VolumeSettings: Sendable {
    /// Where records and files lie, usually `WORK_DIR/volumes`.
    public var directory: String
    /// The executable that packs and unpacks archives.
    public var archivePath: String
    /// Whether unprivileged volumes belong to containers with a user namespace; else all owners are as they are.
    public var usesUserNamespaces = true
    /// Whether privileged containers have a user namespace as well, so that their volumes are written for one.
    public var shiftsPrivileged = false
    /// Whether volumes are mounted at the paths by which clients know them, for a container runtime that is not ours.
    public var attachesAtPath = false
    /// What new contents leave free of the disk; nil: the smaller of a twentieth and 2 GiB.
    public var reserve: SpaceReserve.Size?

    /// Settings with defaults.
    public init(directory: String, archivePath: String) {
        self.directory = directory
        self.archivePath = archivePath
    }
}
