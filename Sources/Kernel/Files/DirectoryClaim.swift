internal import Glibc

/// A directory that this process alone uses: made if missing, and locked until the value goes or the process dies.
///
/// The lock is flock(2) on the file `lock` in the directory. It belongs to the open file, which no child inherits, so
/// it ends with the process however that dies, and a stale file never blocks anybody.
public struct DirectoryClaim: ~Copyable, Sendable {
    /// The directory's path, as given.
    public let path: String
    private let lock: FileLock

    /// Makes the directory with all its parents (mode 0755) and locks it.
    /// - Throws: EAGAIN when another process holds the directory, else what mkdir(2) or open(2) said of `path`.
    public init(_ path: String) throws(KernelError) {
        try DirectoryClaim.makeDirectories(path)
        lock = try FileLock(try Directory(path), "lock", wait: false)
        self.path = path
    }

    /// Gives the directory up; said aloud where its end matters, since the lock lasts as long as the value.
    public consuming func giveUp() {}

    /// Makes a directory with all its parents, mode 0755 less the umask; existing ones are left as they are.
    /// - Throws: what mkdir(2) said, with the path.
    public static func makeDirectories(_ path: String) throws(KernelError) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let part = String(path[..<end])
            do throws(KernelError) {
                // Safe: the path lives for the call.
                try invoke("mkdir", part) { unsafe mkdir(part, 0o755) }
            } catch  where error.errno == .exists {}
        }
    }
}
