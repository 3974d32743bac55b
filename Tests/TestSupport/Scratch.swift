public import Kernel

/// A directory of a test's own, removed with all that is in it when the value goes.
public final class Scratch: Sendable {
    /// Its absolute path, without symbolic links in it.
    public let path: String
    /// The directory.
    public let directory: Directory

    private let parent: Directory
    private let name: String

    /// Makes an empty directory (mode 0755).
    /// - Parameter base: the directory to make it in; `/var/tmp` is on a disk, `/dev/shm` a tmpfs
    public init(in base: String = "/var/tmp") throws {
        let name = "apron-test-\(realTime())-\(UInt32.random(in: 0...UInt32.max))"
        parent = try Directory(base)
        directory = try parent.make(name)
        self.name = name
        path = "\(base)/\(name)"
    }

    deinit {
        do { try parent.removeTree(name) } catch { print("scratch directory is left over: \(error)") }
    }

    /// Makes directories beneath it and returns the path of the last one.
    @discardableResult
    public func makeDirectories(_ path: String) throws -> String {
        _ = try directory.makeDirectoriesInRoot(path, mode: 0o755, uid: 0, gid: 0)
        return "\(self.path)/\(path)"
    }
}
