internal import Glibc

/// A lock on a file, held until the value goes or the process dies (flock(2)).
///
/// It belongs to the open file, so it also works between threads of one process that each open their own.
public struct FileLock: ~Copyable, Sendable {
    private let file: Descriptor

    /// Locks the regular file `name`, which is made when missing.
    /// - Parameters:
    ///   - shared: several holders may share it, none of which may change what it guards
    ///   - wait: blocks until it is free; otherwise a held lock is EAGAIN
    public init(
        _ directory: Directory, _ name: String, shared: Bool = false, wait: Bool = true
    ) throws(KernelError) {
        let file = try directory.openFile(name, [.readWrite, .create, .nonBlocking], mode: 0o600)
        let number = file.number
        let operation = (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB)
        try invoke("flock", directory.subject(name)) { flock(number, operation) }
        self.file = file
    }
}
