internal import CKernel
internal import Glibc

/// An owned file descriptor; closed when its owner lets it go.
///
/// The number is valid for as long as the value lives, so a borrowed descriptor can never be a closed one.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor's number, for system calls and for `/proc/self/fd`.
    public let number: Int32

    /// Takes ownership of an open descriptor.
    public init(owning number: Int32) { self.number = number }

    deinit {
        // close(2) frees the number even when it reports EINTR or EIO, hence no retry and no error.
        _ = Glibc.close(number)
    }

    /// Gives the number up without closing it; the caller owns it now.
    public consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Another descriptor of the same open file, close-on-exec (fcntl(2) F_DUPFD_CLOEXEC).
    public borrowing func duplicate() throws(KernelError) -> Descriptor {
        let number = number
        return Descriptor(owning: try invoke("fcntl") { apron_fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// Sets or clears O_NONBLOCK on the open file; it is shared by all duplicates.
    public borrowing func setNonBlocking(_ enabled: Bool) throws(KernelError) {
        let number = number
        let flags = try invoke("fcntl") { apron_fcntl(number, F_GETFL, 0) }
        let wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        if wanted != flags { try invoke("fcntl") { apron_fcntl(number, F_SETFL, Int(wanted)) } }
    }

    /// The path by which this process can name the open file, `/proc/self/fd/N`.
    public var procPath: String { "/proc/self/fd/\(number)" }
}

/// A descriptor with several owners; closed when the last one lets it go.
public final class SharedDescriptor: Sendable {
    private let descriptor: Descriptor

    /// Shares an owned descriptor.
    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Shares a descriptor that may not be there.
    public static func optional(_ descriptor: consuming Descriptor?) -> SharedDescriptor? {
        switch consume descriptor {
        case .some(let descriptor): SharedDescriptor(descriptor)
        case .none: nil
        }
    }

    /// The descriptor's number; valid while this object lives.
    public var number: Int32 { descriptor.number }

    /// Calls `body` with the descriptor, which stays open meanwhile.
    public func with<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Descriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(descriptor)
    }
}
