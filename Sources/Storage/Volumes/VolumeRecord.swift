public import Telemetry

/// A volume as it is on disk: `live/<handle>/volume.json`.
public struct VolumeRecord: Codable, Sendable, Hashable {
    /// The format that this program writes; records of a higher one are left alone.
    public static let format = 1

    /// The format that it was written in.
    public var format = VolumeRecord.format
    /// Its id, the name of its directory.
    public var handle: String
    /// Its files.
    public var stack: LayerStack
    /// Free key/value pairs; nil when none were ever given.
    public var properties: [String: String]?
    /// For containers without a user namespace.
    public var isPrivileged: Bool
    /// How it was made: `empty`, `cow` or `import`; for people.
    public var strategy: String
    /// The volume that it was copied from, which may be gone.
    public var parent: String?
    /// Nanoseconds since the epoch.
    public var created: UInt64
    /// The trace in which it was made.
    public var context: TraceContext?
    /// The boot in which files were written that may not be on the disk yet; nil when all are.
    ///
    /// After a power cut nobody knows which of them arrived, so such a volume is given up.
    public var writtenSince: String?
    /// How owners of the only layer's files are still written in part: they were being rewritten. Finished at the start.
    public var rewritingFrom: Owners?

    /// Describes a volume.
    public init(
        handle: String, stack: LayerStack, properties: [String: String]? = nil, isPrivileged: Bool,
        strategy: String = "empty", parent: String? = nil, created: UInt64, context: TraceContext? = nil,
        writtenSince: String? = nil
    ) {
        self.handle = handle
        self.stack = stack
        self.properties = properties
        self.isPrivileged = isPrivileged
        self.strategy = strategy
        self.parent = parent
        self.created = created
        self.context = context
        self.writtenSince = writtenSince
    }
}
