import CKernel
import InitProtocol

/// A step that failed: which system call, and its errno. The daemon writes the sentence.
struct Failure: Error {
    let call: UInt16
    let errno: Int32

    init(_ call: apron_call, errno: Int32) {
        self.call = UInt16(truncatingIfNeeded: call.rawValue)
        self.errno = errno
    }
}

/// Turns a negative result of a libc-style call into a ``Failure``; errno is read at once.
@discardableResult
func check<Result: FixedWidthInteger & SignedInteger>(
    _ call: apron_call, _ result: Result
) throws(Failure) -> Result {
    if result < 0 { throw Failure(call, errno: apron_errno()) }
    return result
}

/// The error numbers that decisions depend on; the same on every architecture Apron is built for.
enum Errno {
    static let noEntry: Int32 = 2
    static let permission: Int32 = 1
    static let noProcess: Int32 = 3
    static let inputOutput: Int32 = 5
    static let noExecutable: Int32 = 8
    static let tryAgain: Int32 = 11
    static let access: Int32 = 13
    static let exists: Int32 = 17
    static let noDevice: Int32 = 19
    static let notDirectory: Int32 = 20
    static let invalid: Int32 = 22
    static let tooManyLinks: Int32 = 40
    static let noMemory: Int32 = 12
}
