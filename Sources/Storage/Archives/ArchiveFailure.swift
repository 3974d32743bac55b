public import Kernel
public import Telemetry

/// Packing or unpacking ended early.
public struct ArchiveFailure: KernelCaused, Sendable, CustomStringConvertible {
    /// What it means for the one who asked.
    public enum Kind: String, Sendable {
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
    public let kind: Kind
    /// The whole sentence: the entry, what was found at it, the call and what it said, where in the stream.
    public let message: String
    /// The failed call, if a call was the cause.
    public let kernelCause: KernelError?
    /// What was done until then; nil when the process did not say.
    public let outcome: ArchiveOutcome?

    /// Describes a failure.
    public init(_ kind: Kind, _ message: String, cause: KernelError? = nil, outcome: ArchiveOutcome? = nil) {
        self.kind = kind
        self.message = message
        kernelCause = cause
        self.outcome = outcome
    }

    /// The message.
    public var description: String { message }
}
