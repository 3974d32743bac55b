/// What a stream came to.
public struct ArchiveOutcome: Sendable, Hashable {
    /// Entries of the archive.
    public var entries: UInt64
    /// Bytes of the contents of files, without holes.
    public var contentBytes: UInt64
    /// Bytes of the stream, encoded.
    public var encodedBytes: UInt64
    /// Bytes of the archive, not encoded.
    public var archiveBytes: UInt64
    /// Time in which the process waited for whoever sends or takes the stream.
    public var stalledNanoseconds: UInt64
    /// Time in which the archive was encoded or decoded.
    public var codecNanoseconds: UInt64
    /// Time in which entries were read or made.
    public var entryNanoseconds: UInt64
    /// What was left out or changed; the first sixteen.
    public var warnings: [String]
    /// How many warnings there were in all.
    public var warningCount: UInt64
}
