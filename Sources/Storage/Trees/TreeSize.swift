public import Kernel

extension TreeCount {
    /// Counts a tree: its entries, and the bytes that the contents of its regular files take on the disk.
    ///
    /// A walk through the whole tree: for people who ask, not for requests.
    /// - Parameter isCancelled: asked often
    /// - Throws: ECANCELED; what a call said, with the path
    public static func of(
        _ top: Directory, isCancelled: () -> Bool = { false }
    ) throws(KernelError) -> TreeCount {
        var count = TreeCount()
        var walk = try TreeWalk(top)
        // Files with several names, by inode; a tree that is counted lies on one file system.
        var seen: Set<UInt64> = []
        repeat {
            while let name = try count.next(&walk) {
                if isCancelled() { throw KernelError(call: "count", errno: .cancelled, subject: top.path) }
                try count.add(name, &walk, &seen)
            }
        } while try walk.leave()
        return count
    }

    private func next(_ walk: inout TreeWalk) throws(KernelError) -> EntryName? {
        do throws(KernelError) { return try walk.next() } catch  where error.errno == .noEntry { return nil }
    }

    private mutating func add(
        _ name: EntryName, _ walk: inout TreeWalk, _ seen: inout Set<UInt64>
    ) throws(KernelError) {
        do throws(KernelError) {
            let status = try walk.current.status(name)
            files += 1
            if status.kind == .regular && (status.links == 1 || seen.insert(status.inode).inserted) {
                bytes += status.allocated
            }
            if status.kind == .directory { try walk.enter(name, try walk.current.directory(name)) }
        } catch  where error.errno == .noEntry || error.errno == .notDirectory { vanished += 1 }
    }
}
