internal import CKernel
internal import Glibc

/// A file or stream to which whole lines are appended.
public final class LineWriter: Sendable {
    private let owned: SharedDescriptor?
    private let stream: StandardStream

    /// Appends to the file of that name, which is made with mode 0600 if it is missing (open(2) O_APPEND: several
    /// writers do not overwrite each other). A FIFO without a reader is refused with ENXIO instead of waited for.
    public init(appendingTo path: String) throws(KernelError) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = Descriptor(
            // Safe: the path lives for the call.
            owning: try invoke("open", path) { unsafe apron_openat(AT_FDCWD, path, flags, 0o600) })
        stream = StandardStream(number: descriptor.number)
        owned = SharedDescriptor(descriptor)
    }

    /// Writes to a stream that somebody else owns, such as ``StandardStream/output``.
    public init(_ stream: StandardStream) {
        self.stream = stream
        owned = nil
    }

    /// Writes all bytes; waits where the stream is slow.
    public func write(_ bytes: [UInt8]) throws(KernelError) { try stream.write(bytes) }
}
