/// Bounds of an output stream.
public struct OutputLimits: Hashable, Sendable {
    /// Bytes kept on disk between the program and its slowest attacher; the program waits beyond.
    public var spoolBytes: UInt64 = 16 * 1024 * 1024
    /// How long an attacher may take nothing while the spool is full, in nanoseconds.
    public var stallNanoseconds: UInt64 = 60_000_000_000
    /// How long output stays in the pipe when nobody takes it and the pipe is not half full, in nanoseconds: short
    /// output that is fetched at once never touches the disk. It also bounds how long a program can wait for a pipe
    /// that is full although it holds few bytes, for the kernel does not tell us about that.
    public var lingerNanoseconds: UInt64 = 100_000_000
    /// How long the only attacher may block a pipe that is half full before the spool takes over, in nanoseconds.
    /// A fast reader blocks for less, so that its output goes straight from the pipe to its socket.
    public var blockNanoseconds: UInt64 = 30_000_000
    /// Capacity asked for a busy pipe, in bytes. Less means more switches between program and pump; more falls out of
    /// the processor's cache between the two: 1 MiB costs 1.7 times the CPU of 256 KiB (Benchmarks/StreamBenchmark).
    public var pipeBytes = 256 * 1024
    /// When to try again after the disk refused the spool, in nanoseconds.
    public var retryNanoseconds: UInt64 = 1_000_000_000

    /// The limits for production.
    public static let standard = OutputLimits()

    /// Creates the standard limits, to be changed.
    public init() {}
}
