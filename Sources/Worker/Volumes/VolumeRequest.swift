/// A volume as its creator asks for it; the wire format ends here.
public struct VolumeRequest: Sendable, Hashable, Codable {
    /// What the volume holds at first.
    public enum Strategy: Sendable, Hashable, Codable {
        /// Nothing.
        case empty
        /// What another volume holds; changes of either are not seen in the other.
        case copyOnWrite(parent: String)
        /// The files of a directory, or of an archive, at a path of the host.
        case importing(path: String, followsSymlinks: Bool)
    }

    /// The caller's id; nil: the worker invents one.
    public var handle: String?
    /// What it holds at first.
    public var strategy: Strategy
    /// Free key/value pairs; nil is kept apart from none, since clients see the difference.
    public var properties: [String: String]?
    /// For containers without a user namespace.
    public var isPrivileged: Bool
    /// Owner of every file, as the container sees it; nil leaves owners as they are.
    public var owner: Owner?

    /// A user and a group, as the container sees them.
    public struct Owner: Sendable, Hashable, Codable {
        /// The user's id.
        public var uid: UInt32
        /// The group's id.
        public var gid: UInt32

        /// Describes an owner.
        public init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    /// Describes a volume.
    public init(
        handle: String? = nil, strategy: Strategy, properties: [String: String]? = nil, isPrivileged: Bool = false,
        owner: Owner? = nil
    ) {
        self.handle = handle
        self.strategy = strategy
        self.properties = properties
        self.isPrivileged = isPrivileged
        self.owner = owner
    }
}

/// What clients are told of a volume.
public struct VolumeInfo: Sendable, Hashable {
    /// Its id.
    public var handle: String
    /// Absolute path on the host by which it is named in other requests, as long as it lives.
    public var path: String
    /// Free key/value pairs, nil when none were ever given.
    public var properties: [String: String]?
    /// For containers without a user namespace.
    public var isPrivileged: Bool
    /// The owner that was asked for; only the answer to the creation has it.
    public var owner: VolumeRequest.Owner?

    /// Describes a volume.
    public init(
        handle: String, path: String, properties: [String: String]?, isPrivileged: Bool,
        owner: VolumeRequest.Owner? = nil
    ) {
        self.handle = handle
        self.path = path
        self.properties = properties
        self.isPrivileged = isPrivileged
        self.owner = owner
    }
}
