public import Kernel

/// What an output stream has done since it was opened by this daemon.
public struct OutputStatistics: Hashable, Sendable {
    /// Bytes taken from the program.
    public var fromProgram: UInt64 = 0
    /// Bytes that attachers' sockets accepted, summed over all of them.
    public var delivered: UInt64 = 0
    /// Bytes that took the way over the disk.
    public var spooled: UInt64 = 0
    /// Bytes in the spool that are still needed.
    public var held: UInt64 = 0
    /// Attachers now.
    public var attachers = 0
    /// Attachers disconnected since they took nothing for too long.
    public var stalls = 0
    /// The last refusal of the disk; nil when the last write of the spool succeeded.
    public var spoolError: KernelError?

    /// Statistics of a stream that has done nothing.
    public init() {}
}
