public import Kernel
public import Telemetry

/// How an archive's bytes are wrapped on the wire.
public enum ArchiveEncoding: String, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 8878.
    case zstd
    /// The framed S2 or Snappy format.
    case s2
    /// Not at all.
    case raw
}

/// What became of an archive's transfer.
public struct ArchiveReport: Sendable, Hashable {
    /// Entries written or read.
    public var entries: UInt64 = 0
    /// Bytes of files' contents.
    public var contentBytes: UInt64 = 0
    /// What was left out or changed, one sentence each; at most 16.
    public var warnings: [String] = []

    /// Nothing yet.
    public init() {}
}

/// What the API knows of a transfer and the worker's span should say.
public struct TransferStatistics: Sendable, Hashable {
    /// Bytes on the wire.
    public var encodedBytes: UInt64 = 0
    /// Nanoseconds until the first byte went or came.
    public var firstByteNanoseconds: UInt64 = 0
    /// Nanoseconds during which the client kept us waiting.
    public var stalledNanoseconds: UInt64 = 0

    /// Nothing yet.
    public init() {}
}

/// An archive on its way into or out of a volume. Exactly one of ``finish(_:)`` and ``cancel(_:)`` ends it.
public protocol ArchiveTransfer: AnyObject, Sendable {
    /// The caller's end of a pipe, once: to write the encoded archive to, or to read it from. Non-blocking, close-on-exec.
    func takeDescriptor() throws -> Descriptor
    /// Waits until the volume has everything, or everything has been read from it; the caller has closed its end.
    /// - Throws: ``VolumeError`` with the entry, the call and the errno at fault
    func finish(_ statistics: TransferStatistics) async throws -> ArchiveReport
    /// Gives up, because the client has gone or sent too much.
    func cancel(_ reason: VolumeError) async
}

/// The worker's volumes, as the API sees them.
public protocol Volumes: Sendable {
    /// Volumes that have all these properties, in the order of their handles. Answers from memory.
    func list(_ properties: [String: String]) async throws -> [VolumeInfo]
    /// Makes a volume and answers when it is published.
    func create(_ request: VolumeRequest) async throws -> VolumeInfo
    /// Starts to make a volume and answers its handle; ``creation(_:)`` collects the outcome.
    /// - Throws: ``VolumeError`` of kind creationExists
    func beginCreation(_ request: VolumeRequest) async throws -> String
    /// The outcome of a creation: the volume; nil when it has not settled within `wait`.
    /// - Throws: unknownCreation, or what the creation failed with
    func creation(_ handle: String, wait: Duration) async throws -> VolumeInfo?
    /// Forgets a settled creation, or gives up one under way, whose volume is then destroyed.
    func cancelCreation(_ handle: String) async throws
    /// One volume. Answers from memory.
    func find(_ handle: String) async throws -> VolumeInfo
    /// Removes a volume; its files are deleted in the background.
    func destroy(_ handle: String) async throws
    /// Removes volumes; unknown ones are ignored; all are tried before the first failure is thrown.
    func destroy(all handles: [String]) async throws
    /// Sets a property, on disk before the reply.
    func setProperty(_ handle: String, _ key: String, to value: String) async throws
    /// Changes for whom the volume is; constant-time.
    func setPrivileged(_ handle: String, to isPrivileged: Bool) async throws
    /// Prepares to unpack an archive at a path in the volume; missing directories are made.
    func streamIn(_ handle: String, path: String, encoding: ArchiveEncoding) async throws -> any ArchiveTransfer
    /// Prepares to pack a path of the volume; returns when the first entry could be read.
    func streamOut(_ handle: String, path: String, encoding: ArchiveEncoding) async throws -> any ArchiveTransfer
    /// Deletes what belongs to no volume.
    func cleanUpOrphans() async throws
    /// The context of the trace in which the volume was made; nil when unknown. Answers from memory.
    func traceContext(of handle: String) async -> TraceContext?
}
