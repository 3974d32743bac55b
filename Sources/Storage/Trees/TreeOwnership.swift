public import Kernel

/// Changes of owners in whole trees: where owners cannot be mapped when the tree is shown.
///
/// As `chown -R` by descriptors, following no symbolic link; but set-user-id bits and capabilities of programs, which
/// chown(2) takes away, are kept. A file with several names is changed once in effect: the second time nothing is left
/// to do. Ids inside ACLs stay as they are.
public enum TreeOwnership {
    /// Gives everything to one owner, the top included.
    /// - Parameter isCancelled: asked often
    /// - Returns: entries changed, the top not counted
    /// - Throws: ECANCELED; what a call said, with the path
    @discardableResult
    public static func set(
        uid: UInt32, gid: UInt32, of top: Directory, isCancelled: () -> Bool = { false }
    ) throws(KernelError) -> TreeCount {
        var change = OwnershipChange(map: { _, _ in (uid, gid) }, capabilityRoot: nil)
        return try change.run(top, isCancelled)
    }

    /// Writes owners in the other of the two ways (see ``Owners``), the top included.
    /// - Parameter containerRoot: M of ``Owners``
    /// - Throws: ECANCELED; what a call said, with the path
    @discardableResult
    public static func translate(
        _ from: Owners, to: Owners, containerRoot: UInt32, in top: Directory, isCancelled: () -> Bool = { false }
    ) throws(KernelError) -> TreeCount {
        if from == to { return TreeCount() }
        let (old, new) = from == .plain ? (0, containerRoot) : (containerRoot, 0)
        let map: (UInt32) -> UInt32 = { $0 == old ? new : $0 }
        var change = OwnershipChange(map: { (map($0), map($1)) }, capabilityRoot: new)
        return try change.run(top, isCancelled)
    }
}

private struct OwnershipChange {
    let map: (_ uid: UInt32, _ gid: UInt32) -> (uid: UInt32, gid: UInt32)
    /// The user whose namespace capabilities are for after the change; nil leaves them as they are.
    let capabilityRoot: UInt32?
    var count = TreeCount()

    mutating func run(_ top: Directory, _ isCancelled: () -> Bool) throws(KernelError) -> TreeCount {
        let status = try top.status()
        try top.withDescriptor { (object) throws(KernelError) in
            _ = try change(object, status, top.path)
        }
        var walk = try TreeWalk(top)
        repeat {
            while let name = try next(&walk) {
                if isCancelled() { throw KernelError(call: "chown", errno: .cancelled, subject: top.path) }
                try visit(name, &walk)
            }
        } while try walk.leave()
        return count
    }

    private func next(_ walk: inout TreeWalk) throws(KernelError) -> EntryName? {
        do throws(KernelError) { return try walk.next() } catch  where error.errno == .noEntry { return nil }
    }

    private mutating func visit(_ name: EntryName, _ walk: inout TreeWalk) throws(KernelError) {
        let directory = walk.current
        let path = directory.path(of: name)
        do throws(KernelError) {
            let seen = try directory.status(name)
            let (uid, gid) = map(seen.uid, seen.gid)
            let isDue = uid != seen.uid || gid != seen.gid
            guard isDue || seen.kind == .directory else { return }
            let object = try directory.open(name, .path)
            let status = try object.status()
            if try change(object, status, path) { count.files += 1 }
            guard status.kind == .directory else { return }
            try walk.enter(name, Directory(try object.reopened(.directory, path), path: path))
        } catch  where error.errno == .noEntry { count.vanished += 1 }
    }

    /// Whether there was something to change.
    private func change(
        _ object: borrowing Descriptor, _ status: FileStatus, _ path: String
    ) throws(KernelError) -> Bool {
        let (uid, gid) = map(status.uid, status.gid)
        if uid == status.uid && gid == status.gid { return false }
        let isProgram = status.kind == .regular
        let capability = isProgram ? try object.attribute(.capability, path) : nil
        try object.setOwner(uid: uid, gid: gid, path)
        // chown(2) takes these bits from everything but directories.
        if isProgram && status.mode & 0o6000 != 0 { try object.setMode(status.mode, path) }
        if let capability {
            let kept = capabilityRoot.map { FileCapability.translate(capability, root: $0) } ?? capability
            try object.setAttribute(.capability, kept, path)
        }
        return true
    }
}

/// The value of `security.capability` (struct vfs_ns_cap_data, linux/capability.h), little-endian.
enum FileCapability {
    private static let revisionMask: UInt32 = 0xff00_0000
    private static let (revision2, revision3): (UInt32, UInt32) = (0x0200_0000, 0x0300_0000)
    private static let (bytes2, bytes3) = (20, 24)

    /// The same capabilities, valid in namespaces whose root is this user of the host: 0 is everywhere.
    static func translate(_ value: [UInt8], root: UInt32) -> [UInt8] {
        guard value.count >= bytes2 else { return value }
        let magic = value[..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let revision = magic & revisionMask
        guard (revision == revision2 && value.count == bytes2) || (revision == revision3 && value.count == bytes3)
        else { return value }
        let flags = magic & ~revisionMask
        let sets = value[4..<bytes2]
        return root == 0
            ? littleEndian(flags | revision2) + sets
            : littleEndian(flags | revision3) + sets + littleEndian(root)
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
