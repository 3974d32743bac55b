internal import CKernel
internal import Glibc

/// A file on which a mount namespace is mounted, so that it lives on without any process in it.
///
/// The mount is private: it shows in this process's mount namespace alone, and must not be copied into others, which
/// the kernel refuses for mount namespaces.
public struct MountNamespacePin: Sendable {
    private let directory: Directory
    private let name: String

    /// NSFS_MAGIC of linux/magic.h.
    private static let nsfs: UInt32 = 0x6e73_6673
    // A pin is one mount, or two where the directory's mount is shared; more would be left by something else.
    private static let mountsMax = 16

    /// Names the file; it need not exist.
    public init(_ directory: Directory, _ name: String) {
        self.directory = directory
        self.name = name
    }

    /// The namespace that is pinned; nil when there is none, such as after the machine was started anew.
    public func open() throws(KernelError) -> Descriptor? {
        guard try directory.exists(name), try directory.status(name).isMountRoot else { return nil }
        let file = try directory.openFile(name, [.nonBlocking])
        var space = apron_space()
        let number = file.number
        // Safe: the call fills the structure.
        try invoke("fstatfs", directory.subject(name)) { unsafe apron_fstatfs(number, &space) }
        if UInt32(truncatingIfNeeded: space.kind) != MountNamespacePin.nsfs { return nil }
        return file
    }

    /// Mounts a namespace there, in place of whatever is mounted there.
    /// - Throws: EINVAL when this process lives in a namespace that is younger than the pinned one; nothing is mounted
    ///   then, and no file is left
    public func pin(_ namespace: borrowing Descriptor) throws(KernelError) {
        try unpin()
        do throws(KernelError) { try mount(namespace) } catch {
            // The first error is the one to tell.
            try? unpin()
            throw error
        }
    }

    private func mount(_ namespace: borrowing Descriptor) throws(KernelError) {
        _ = try directory.openFile(name, [.readWrite, .create, .nonBlocking], mode: 0o600)
        if try isShared() {
            // Nothing can be mounted privately on a shared mount; what is mounted on this one stays here.
            try MountTree.clone(try place(), source: directory.subject(name)).attach(on: place(), path: name)
            try MountTree(try place(), source: directory.subject(name)).setPropagation(.private)
        }
        let target = try place()
        let bind: UInt = 0x1000
        try invoke("mount", directory.subject(name)) {
            // Safe: the paths live for the call.
            unsafe apron_mount(namespace.procPath, target.procPath, nil, bind, nil)
        }
    }

    /// Unmounts it and removes the file; the namespace ends with its last process. Nothing to do when there is none.
    public func unpin() throws(KernelError) {
        guard try directory.exists(name) else { return }
        for _ in 0..<MountNamespacePin.mountsMax where try directory.status(name).isMountRoot {
            try MountPoint("\(directory.procPath)/\(name)").unmount(detach: true)
        }
        try directory.remove(name)
    }

    /// What has the name now, which may be the root of a mount.
    private func place() throws(KernelError) -> Descriptor { try directory.openFile(name, [.path]) }

    private func isShared() throws(KernelError) -> Bool {
        let mount = try directory.status().mountID
        return try MountTable().entries.first { $0.id == mount }?.propagation.contains { $0.hasPrefix("shared:") }
            ?? true
    }
}
