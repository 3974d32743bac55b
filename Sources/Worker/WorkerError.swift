public import Kernel
public import Telemetry

/// What the worker could not do, in terms of containers and processes; the API maps ``Kind`` to statuses in one table.
public struct WorkerError: KernelCaused, Sendable, CustomStringConvertible {
    /// What a caller may conclude.
    public enum Kind: String, Sendable, CaseIterable {
        /// No container has that handle.
        case containerNotFound
        /// The container has no process of that id.
        case processNotFound
        /// The program does not exist, cannot be executed, or is a directory.
        case executableNotFound
        /// A live container has that handle.
        case handleInUse
        /// A process of that id runs or ran in the container.
        case processInUse
        /// The request asks for something that can never be.
        case invalid
        /// The worker cannot do it now but may later.
        case unavailable
        /// Another caller is destroying the container.
        case beingDestroyed
        /// The worker does not offer this.
        case notImplemented
        /// A body or value is over its limit.
        case tooLarge
        /// It was tried and failed.
        case failed
    }

    /// What a caller may conclude.
    public let kind: Kind
    /// The whole sentence, with the cause in it.
    public let message: String
    /// The container at fault.
    public let handle: String?
    /// The process at fault.
    public let processID: String?
    /// The system call at fault.
    public let cause: KernelError?

    /// What spans say about the system call at fault.
    public var kernelCause: KernelError? { cause }

    /// Describes a failure.
    public init(
        _ kind: Kind, _ message: String, handle: String? = nil, processID: String? = nil, cause: KernelError? = nil
    ) {
        self.kind = kind
        self.message = message
        self.handle = handle
        self.processID = processID
        self.cause = cause
    }

    /// The message.
    public var description: String { message }

    /// No container has the handle `handle`.
    public static func unknownContainer(_ handle: String) -> WorkerError {
        WorkerError(.containerNotFound, "unknown handle: \(handle)", handle: handle)
    }

    /// The container `handle` has no process `processID`.
    public static func unknownProcess(_ processID: String, in handle: String) -> WorkerError {
        WorkerError(.processNotFound, "unknown process: \(processID)", handle: handle, processID: processID)
    }
}
