public import Kernel

/// The executable of process 1 as one sealed memory file that all containers share.
///
/// Nothing can change it, not even a container that opens /proc/1/exe for writing (CVE-2019-5736), and no container
/// needs it in its root.
public final class InitImage: Sendable {
    /// Far more than a static ApronInit has.
    private static let bytesMax = 64 << 20

    private let memory: SharedDescriptor
    private let name: String

    /// Copies the executable at `path` into memory and seals it.
    /// - Parameter name: what process 1 is called inside: its argument 0 and, up to 15 bytes of it, in `ps`
    public init(path: String, name: String = "apron-init") throws(KernelError) {
        self.name = name
        let file = try KernelFile.open(path)
        let bytes = try file.readContents(limit: InitImage.bytesMax, path)
        memory = SharedDescriptor(try Memfd.sealed("apron-init", bytes).release())
    }

    /// Starts process 1 in new namespaces; it waits for its plan.
    /// - Parameters:
    ///   - listener: the socket it serves
    ///   - ledger: the file it appends exit records to
    ///   - cgroup: cgroup v2 directory to be born in
    func start(
        namespaces: Namespaces, listener: Int32, ledger: Int32, null: Int32, cgroup: Int32?
    ) throws(KernelError) -> ChildProcess {
        try memory.with { (program: borrowing Descriptor) throws(KernelError) -> ChildProcess in
            try ChildProcess.start(
                program: program, arguments: [name], namespaces: namespaces, cgroup: cgroup,
                descriptors: [null, null, null, listener, ledger], keepsCapabilities: namespaces.contains(.user))
        }
    }

    /// A user namespace with the map, held by descriptor: the reference for id-mapped mounts (mount_setattr(2)).
    /// - Parameter isInverse: with ``IdentityMap/inverseText``; not for containers, which it would give the host's root
    public func makeUserNamespace(_ map: IdentityMap, isInverse: Bool = false) throws(KernelError) -> Descriptor {
        let null = try KernelFile.open("/dev/null")
        // Its end in the child is at its end when this process dies: then the child ends, too.
        let lifeline = try Pipe()
        let child = try start(
            namespaces: .user, listener: lifeline.reader.number, ledger: null.number, null: null.number, cgroup: nil)
        defer {
            // The namespace lives on in its descriptor.
            _ = try? child.signal(9)
            try? child.wait()
        }
        try InitImage.write(isInverse ? map.inverseText : map.text, for: child.pid)
        return try KernelFile.open("/proc/\(child.pid)/ns/user")
    }

    static func write(_ map: IdentityMap, for pid: Int32) throws(KernelError) { try write(map.text, for: pid) }

    private static func write(_ map: String, for pid: Int32) throws(KernelError) {
        try KernelFile.write(map, to: "/proc/\(pid)/uid_map")
        try KernelFile.write(map, to: "/proc/\(pid)/gid_map")
    }
}
