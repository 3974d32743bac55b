internal import CKernel
internal import Glibc

/// Which mount namespace a process lives in (namespaces(7)); to be compared, not entered.
public struct MountNamespace: Hashable, Sendable {
    private let device: DeviceNumber
    private let inode: UInt64

    /// The namespace of a process, or of one of its threads.
    /// - Throws: ENOENT or ESRCH when it has ended
    public init(pid: Int32, thread: Int32? = nil) throws(KernelError) {
        let process = thread.map { "/proc/\(pid)/task/\($0)" } ?? "/proc/\(pid)"
        let path = "\(process)/ns/mnt"
        let status = try MountNamespace.find(process) { () throws(KernelError) in
            try FileStatus.read(workingDirectory, path, followLink: true, path)
        }
        device = status.device
        inode = status.inode
    }

    /// The namespace of a process, held open.
    /// - Throws: ENOENT or ESRCH when it has ended
    public static func open(ofProcess pid: Int32) throws(KernelError) -> Descriptor {
        try find("/proc/\(pid)") { () throws(KernelError) in try KernelFile.open("/proc/\(pid)/ns/mnt") }
    }

    /// For a process that ends at this moment the kernel says EACCES; that must not be taken for one that may not be
    /// looked at, nor the reverse.
    private static func find<Value: ~Copyable>(
        _ process: String, _ body: () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        do throws(KernelError) { return try body() } catch  where error.errno == .access {
            _ = try FileStatus.read(workingDirectory, process, process)
            throw error
        }
    }

    /// Whether all threads of a process and of all its descendants live in the namespace of that process.
    ///
    /// For process 1 of a pid namespace these are all processes that were made in it. A tree that is too large to be
    /// looked through counts as not alone.
    public static func isAlone(beneath pid: Int32) throws(KernelError) -> Bool {
        // Far more than a container has, at some ten microseconds each.
        let threadsMax = 8192
        let namespace = try MountNamespace(pid: pid)
        var pending = [pid]
        var threads = 0
        while let process = pending.popLast() {
            for name in try names(of: process) {
                threads += 1
                if threads > threadsMax { return false }
                guard let thread = Int32(name) else { continue }
                do throws(KernelError) {
                    if try MountNamespace(pid: process, thread: thread) != namespace { return false }
                    let children = try KernelFile.read("/proc/\(process)/task/\(name)/children")
                    pending += children.split(separator: " ").compactMap { Int32($0) }
                } catch  where hasEnded(error) {
                } catch  where error.errno == .access {
                    // It is there, but where it lives is hidden from this process.
                    return false
                }
            }
        }
        return true
    }

    private static func names(of process: Int32) throws(KernelError) -> [String] {
        do throws(KernelError) { return try Directory("/proc/\(process)/task").entries() } catch  where hasEnded(error)
        { return [] }
    }

    private static func hasEnded(_ error: KernelError) -> Bool {
        error.errno == .noEntry || error.errno == .noProcess
    }
}

extension MountTable.Entry {
    /// Whether something may be written through the mount, as far as the mount itself goes.
    public var isWritable: Bool { !options.split(separator: ",").contains("ro") }

    /// Sets and clears attributes of this very mount; only for a thread that lives in its namespace and has the root
    /// that the table was read from.
    ///
    /// Symbolic links are not followed: a container may put one in the way at any time.
    /// - Returns: false when the path leads to another mount now, such as one on top of it
    /// - Throws: EBUSY when it would become read-only while something on it is open for writing
    public func setAttributes(_ set: MountAttributes, clear: MountAttributes = []) throws(KernelError) -> Bool {
        guard let place = try place() else { return false }
        try MountTree(place, source: point).setAttributes(set, clear: clear)
        return true
    }

    /// A copy of this very mount; only for a thread as above. Nil when the path leads to another mount now.
    public func clone() throws(KernelError) -> MountTree? {
        guard let place = try place() else { return nil }
        return try MountTree.clone(place, source: point)
    }

    private func place() throws(KernelError) -> Descriptor? {
        let place: Descriptor
        do throws(KernelError) {
            place = try openResolving(workingDirectory, point, [.path, .noFollow], mode: 0, .noSymlinks, point)
        } catch  where [.noEntry, .notDirectory, .tooManyLinks].contains(error.errno) { return nil }
        let status = try place.status()
        guard status.mountID == id, status.isMountRoot else { return nil }
        return place
    }
}
