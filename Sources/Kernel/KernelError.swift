internal import CKernel
internal import Glibc

/// An error number of the kernel; open, since a kernel may return numbers that have no name here (errno(3)).
public struct ErrorNumber: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The value of `errno`.
    public let rawValue: Int32

    /// Wraps a value of `errno`.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The errno of the calling thread. Read it on the line after the call that set it.
    public static var current: ErrorNumber { ErrorNumber(rawValue: apron_errno()) }

    /// The symbolic name, such as `ENOENT`, or `errno 4711` for a number without one.
    public var name: String {
        // Safe: strerrorname_np returns a constant string or NULL for any number (glibc 2.32).
        guard let name = unsafe apron_errno_name(rawValue) else { return "errno \(rawValue)" }
        return unsafe String(cString: name)
    }

    /// The sentence of strerror(3) in the C locale, lower case.
    public var text: String {
        // Safe: strerrordesc_np returns a constant string or NULL for any number (glibc 2.32).
        guard let text = unsafe apron_errno_text(rawValue) else { return "error \(rawValue)" }
        return unsafe String(cString: text).lowercasedFirst
    }

    /// `ENOENT (no such file or directory)`.
    public var description: String { "\(text) (\(name))" }
}

extension ErrorNumber {
    public static let permission = ErrorNumber(rawValue: EPERM)
    public static let noEntry = ErrorNumber(rawValue: ENOENT)
    public static let noProcess = ErrorNumber(rawValue: ESRCH)
    public static let interrupted = ErrorNumber(rawValue: EINTR)
    public static let tooBig = ErrorNumber(rawValue: E2BIG)
    public static let badDescriptor = ErrorNumber(rawValue: EBADF)
    public static let tryAgain = ErrorNumber(rawValue: EAGAIN)
    public static let noMemory = ErrorNumber(rawValue: ENOMEM)
    public static let access = ErrorNumber(rawValue: EACCES)
    public static let busy = ErrorNumber(rawValue: EBUSY)
    public static let exists = ErrorNumber(rawValue: EEXIST)
    public static let noDevice = ErrorNumber(rawValue: ENODEV)
    public static let notDirectory = ErrorNumber(rawValue: ENOTDIR)
    public static let isDirectory = ErrorNumber(rawValue: EISDIR)
    public static let invalid = ErrorNumber(rawValue: EINVAL)
    public static let noSpace = ErrorNumber(rawValue: ENOSPC)
    public static let brokenPipe = ErrorNumber(rawValue: EPIPE)
    public static let nameTooLong = ErrorNumber(rawValue: ENAMETOOLONG)
    public static let notEmpty = ErrorNumber(rawValue: ENOTEMPTY)
    public static let noSystemCall = ErrorNumber(rawValue: ENOSYS)
    public static let tooManyLinks = ErrorNumber(rawValue: ELOOP)
    public static let crossDevice = ErrorNumber(rawValue: EXDEV)
    public static let connectionReset = ErrorNumber(rawValue: ECONNRESET)
    public static let connectionRefused = ErrorNumber(rawValue: ECONNREFUSED)
    public static let timedOut = ErrorNumber(rawValue: ETIMEDOUT)
    public static let notSupported = ErrorNumber(rawValue: EOPNOTSUPP)
    public static let noChild = ErrorNumber(rawValue: ECHILD)
    public static let noData = ErrorNumber(rawValue: ENODATA)
    public static let executableFormat = ErrorNumber(rawValue: ENOEXEC)
    public static let textBusy = ErrorNumber(rawValue: ETXTBSY)
}

/// A system call that failed: which one, why, and on what.
public struct KernelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the system call as in its man page.
    public let call: String
    /// What it said.
    public let errno: ErrorNumber
    /// The path, handle, pid or address at fault, when there is one.
    public let subject: String?

    /// Describes a failed call.
    public init(call: String, errno: ErrorNumber, subject: String? = nil) {
        self.call = call
        self.errno = errno
        self.subject = subject
    }

    /// `mount /a/b: permission denied (EPERM)`.
    public var description: String {
        subject.map { "\(call) \($0): \(errno)" } ?? "\(call): \(errno)"
    }
}

extension String {
    fileprivate var lowercasedFirst: String {
        guard let first else { return self }
        // Keep words such as "I/O error" and "RFS specific error" as they are.
        let second = dropFirst().first
        if let second, second.isUppercase || second == "/" { return self }
        return first.lowercased() + dropFirst()
    }
}
