internal import Glibc

/// The one way to call the kernel: retries EINTR, turns a negative result into a ``KernelError`` with the call's name.
///
/// EBADF and EFAULT are mistakes of this program, not of the world, and trap.
/// - Parameters:
///   - call: the system call's name as in its man page
///   - subject: the path, handle or pid to name in the error; evaluated only on failure
@discardableResult
@inline(__always)
func invoke<Result: FixedWidthInteger & SignedInteger>(
    _ call: StaticString,
    _ subject: @autoclosure () -> String? = nil,
    _ body: () -> Result
) throws(KernelError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let errno = ErrorNumber.current
        if errno == .interrupted { continue }
        precondition(errno.rawValue != EBADF && errno.rawValue != EFAULT, "\(call): \(errno)")
        throw KernelError(call: "\(call)", errno: errno, subject: subject())
    }
}

/// As ``invoke(_:_:_:)`` for calls on non-blocking descriptors: nil when the call would block (EAGAIN).
@inline(__always)
func invokeNonBlocking<Result: FixedWidthInteger & SignedInteger>(
    _ call: StaticString,
    _ subject: @autoclosure () -> String? = nil,
    _ body: () -> Result
) throws(KernelError) -> Result? {
    do { return try invoke(call, subject(), body) } catch {
        if error.errno == .tryAgain { return nil }
        throw error
    }
}
