/// What the archive process tells the daemon over its report pipe, in this order:
///
///     ready                      the path is there and can be read or written
///     progress*, warning*        now and then; some may be dropped when nobody reads
///     done | failed              the last record
///
/// Each record is written at once and is shorter than a pipe's atomic write, so records never mix. The daemon takes
/// none of it for granted: a hostile archive may have taken the process over.
public enum ArchiveReport: Hashable, Sendable {
    /// The path was found, or made, and opened.
    case ready
    /// So much was done up to now.
    case progress(ArchiveCount)
    /// Something was left out or changed.
    case warning(String)
    /// All was done.
    case done(ArchiveCount)
    /// It came to an end before that.
    case failed(ArchiveFault, ArchiveCount)
}

/// How much was packed or unpacked.
public struct ArchiveCount: Hashable, Sendable {
    /// Entries of the archive.
    public var entries: UInt64 = 0
    /// Bytes of the contents of files, without holes.
    public var contentBytes: UInt64 = 0
    /// Bytes of the archive as they are sent, encoded.
    public var encodedBytes: UInt64 = 0
    /// Bytes of the archive, not encoded.
    public var archiveBytes: UInt64 = 0
    /// Warnings in all; only the first of them are sent.
    public var warnings: UInt64 = 0
    /// Nanoseconds in which the process waited for the one who sends or takes the stream.
    public var stalledNanoseconds: UInt64 = 0
    /// Nanoseconds in which the archive was encoded or decoded, without the wait for either side. Known at the end.
    public var codecNanoseconds: UInt64 = 0
    /// Nanoseconds in which entries were read or made, without the wait for the coder. Known at the end.
    public var entryNanoseconds: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

/// Why packing or unpacking ended early.
public struct ArchiveFault: Error, Hashable, Sendable {
    /// What it means for the one who asked.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// The stream is not what it should be.
        case badArchive
        /// The path to pack is not there.
        case noSuchFile
        /// The file system is full.
        case noSpace
        /// Anything else.
        case failed
    }

    /// What it means.
    public var kind: Kind
    /// What was found, as a sentence without its subject.
    public var text: String
    /// The entry at which it was found; empty when it was none.
    public var entry: String
    /// The system call that failed, as in its man page; empty when none did.
    public var call: String
    /// What the call said; 0 when none failed.
    public var errno: Int32

    /// Describes a fault.
    public init(_ kind: Kind, _ text: String, entry: String = "", call: String = "", errno: Int32 = 0) {
        self.kind = kind
        self.text = text
        self.entry = entry
        self.call = call
        self.errno = errno
    }
}
