public import Kernel
public import Telemetry

/// What the worker could not do with volumes; the API maps ``Kind`` to statuses in one table.
public struct VolumeError: KernelCaused, Sendable, CustomStringConvertible {
    /// What a caller may conclude.
    public enum Kind: String, Sendable, CaseIterable, Codable {
        /// No volume has that handle.
        case unknownVolume
        /// The parent of a copy-on-write volume does not exist, or is being destroyed.
        case unknownParent
        /// There is no creation under way or settled under that handle.
        case unknownCreation
        /// A creation under that handle has not been collected yet.
        case creationExists
        /// The creation has settled and can no longer be cancelled.
        case creationSettled
        /// A volume has that handle.
        case handleInUse
        /// The request asks for something that can never be.
        case invalid
        /// There is nothing at that path of the volume.
        case noSuchFile
        /// The archive, its encoding or its contents are unacceptable.
        case badArchive
        /// The archive is longer than its sender allows.
        case limitExceeded
        /// A container uses the volume, or a stream.
        case inUse
        /// The disk's reserve would be touched.
        case noSpace
        /// The worker cannot do it now but may later.
        case unavailable
        /// It was tried and failed.
        case failed
    }

    /// What a caller may conclude.
    public let kind: Kind
    /// The whole sentence, with the cause in it.
    public let message: String
    /// The volume at fault.
    public let handle: String?
    /// The system call at fault.
    public let cause: KernelError?

    /// What spans say about the system call at fault.
    public var kernelCause: KernelError? { cause }

    /// Describes a failure.
    public init(_ kind: Kind, _ message: String, handle: String? = nil, cause: KernelError? = nil) {
        self.kind = kind
        self.message = message
        self.handle = handle
        self.cause = cause
    }

    /// The message.
    public var description: String { message }

    /// No volume has the handle.
    public static func unknown(_ handle: String) -> VolumeError {
        VolumeError(.unknownVolume, "unknown volume: \(handle)", handle: handle)
    }
}
