public import Kernel
public import Telemetry

/// What the store could not do with a volume.
public struct VolumeStoreError: KernelCaused, Sendable, CustomStringConvertible {
    /// What a caller may conclude.
    public enum Kind: String, Sendable, CaseIterable {
        /// No volume has that handle.
        case unknown
        /// The volume to be copied does not exist, or is being destroyed.
        case unknownParent
        /// A volume has that handle, or is being made under it.
        case exists
        /// A container or a stream uses the volume.
        case inUse
        /// The volume of that handle is on its way out.
        case beingDestroyed
        /// The disk's reserve would be touched.
        case noSpace
        /// A record on disk cannot be understood.
        case damaged
        /// The request asks for something that can never be.
        case invalid
        /// There is nothing at that path of the volume.
        case noSuchFile
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

    /// A failed system call; a full disk has a kind of its own.
    init(_ cause: KernelError, handle: String) {
        self.init(
            cause.errno == .noSpace ? .noSpace : .failed, "volume \(handle): \(cause)", handle: handle, cause: cause)
    }

    /// Whatever was thrown, as an error of the store.
    init(wrapping error: any Error, handle: String) {
        switch error {
        case let error as VolumeStoreError: self = error
        case let error as KernelError: self.init(error, handle: handle)
        default: self.init(.failed, "volume \(handle): \(error)", handle: handle, cause: nil)
        }
    }

    /// The message.
    public var description: String { message }

    static func unknown(_ handle: String) -> VolumeStoreError {
        VolumeStoreError(.unknown, "unknown volume: \(handle)", handle: handle)
    }
}
