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
    /// EPERM.
    public static let permission = ErrorNumber(rawValue: EPERM)
    /// ENOENT.
    public static let noEntry = ErrorNumber(rawValue: ENOENT)
    /// ESRCH.
    public static let noProcess = ErrorNumber(rawValue: ESRCH)
    /// EINTR.
    public static let interrupted = ErrorNumber(rawValue: EINTR)
    /// E2BIG.
    public static let tooBig = ErrorNumber(rawValue: E2BIG)
    /// EBADF.
    public static let badDescriptor = ErrorNumber(rawValue: EBADF)
    /// EAGAIN.
    public static let tryAgain = ErrorNumber(rawValue: EAGAIN)
    /// ENOMEM.
    public static let noMemory = ErrorNumber(rawValue: ENOMEM)
    /// EACCES.
    public static let access = ErrorNumber(rawValue: EACCES)
    /// EBUSY.
    public static let busy = ErrorNumber(rawValue: EBUSY)
    /// EEXIST.
    public static let exists = ErrorNumber(rawValue: EEXIST)
    /// ENODEV.
    public static let noDevice = ErrorNumber(rawValue: ENODEV)
    /// ENOTDIR.
    public static let notDirectory = ErrorNumber(rawValue: ENOTDIR)
    /// EISDIR.
    public static let isDirectory = ErrorNumber(rawValue: EISDIR)
    /// EINVAL.
    public static let invalid = ErrorNumber(rawValue: EINVAL)
    /// ENOSPC.
    public static let noSpace = ErrorNumber(rawValue: ENOSPC)
    /// EPIPE.
    public static let brokenPipe = ErrorNumber(rawValue: EPIPE)
    /// ENAMETOOLONG.
    public static let nameTooLong = ErrorNumber(rawValue: ENAMETOOLONG)
    /// ENOTEMPTY.
    public static let notEmpty = ErrorNumber(rawValue: ENOTEMPTY)
    /// ENOSYS.
    public static let noSystemCall = ErrorNumber(rawValue: ENOSYS)
    /// ELOOP.
    public static let tooManyLinks = ErrorNumber(rawValue: ELOOP)
    /// EXDEV.
    public static let crossDevice = ErrorNumber(rawValue: EXDEV)
    /// ECONNRESET.
    public static let connectionReset = ErrorNumber(rawValue: ECONNRESET)
    /// ECONNREFUSED.
    public static let connectionRefused = ErrorNumber(rawValue: ECONNREFUSED)
    /// ETIMEDOUT.
    public static let timedOut = ErrorNumber(rawValue: ETIMEDOUT)
    /// EOPNOTSUPP.
    public static let notSupported = ErrorNumber(rawValue: EOPNOTSUPP)
    /// ECHILD.
    public static let noChild = ErrorNumber(rawValue: ECHILD)
    /// ENODATA.
    public static let noData = ErrorNumber(rawValue: ENODATA)
    /// ENOEXEC.
    public static let executableFormat = ErrorNumber(rawValue: ENOEXEC)
    /// ETXTBSY.
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
