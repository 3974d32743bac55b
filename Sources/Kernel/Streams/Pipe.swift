internal import CKernel
internal import Glibc

/// The two ends of a new pipe (pipe(7)), close-on-exec and blocking.
@frozen
public struct Pipe: ~Copyable, Sendable {
    /// The end to read from.
    public let reader: Descriptor
    /// The end to write to.
    public let writer: Descriptor

    /// Makes a pipe (pipe2(2)).
    public init() throws(KernelError) {
        var ends = apron_pipe_ends()
        // Safe: the call writes two numbers into `ends`.
        try invoke("pipe2") { unsafe apron_pipe(&ends) }
        reader = Descriptor(owning: ends.reader)
        writer = Descriptor(owning: ends.writer)
    }

    /// Keeps the end to read from and closes the other.
    public consuming func releaseReader() -> SharedDescriptor { SharedDescriptor(reader) }

    /// Keeps the end to write to and closes the other.
    public consuming func releaseWriter() -> SharedDescriptor { SharedDescriptor(writer) }
}

extension SharedDescriptor {
    /// Bytes that a read would find now, of a pipe, terminal or socket (FIONREAD, ioctl_tty(2)).
    public func unreadBytes() throws(KernelError) -> Int {
        var bytes: Int32 = 0
        // Safe: the call writes one int into `bytes`.
        try invoke("ioctl FIONREAD") { unsafe apron_unread(number, &bytes) }
        return Int(bytes)
    }

    /// How many bytes a pipe holds at most; a program that writes little at a time gets less in (pipe(7)).
    public func pipeCapacity() throws(KernelError) -> Int {
        Int(try invoke("fcntl F_GETPIPE_SZ") { apron_pipe_capacity(number) })
    }

    /// Asks for another capacity and returns the one that the kernel chose, which is not smaller.
    /// - Throws: EPERM beyond `/proc/sys/fs/pipe-max-size` or the user's allowance, EBUSY when more bytes are inside.
    public func setPipeCapacity(_ bytes: Int) throws(KernelError) -> Int {
        Int(try invoke("fcntl F_SETPIPE_SZ") { apron_set_pipe_capacity(number, Int32(clamping: bytes)) })
    }

    /// Whether a write would not block now (poll(2) without waiting).
    public func isWritableNow() -> Bool { apron_poll_now(number, Int16(POLLOUT)) == 1 }
}
