public import Kernel

/// A user namespace mapped as an unprivileged container's: its root is 4294967294 outside, all other ids are equal.
public struct UserNamespace: ~Copyable {
    /// Holds the namespace open.
    public let descriptor: Descriptor

    /// The id map, as uid_map and gid_map take it.
    public static let map = "0 4294967294 1\n1 1 4294967293\n"
    /// The host's id of root inside.
    public static let rootID: UInt32 = 4_294_967_294

    /// Makes the namespace by a child that is born in it and killed again.
    /// - Parameter map: the id map of users and groups
    public init(map: String = UserNamespace.map) throws {
        let sleep = try KernelFile.open("/bin/sleep")
        let null = try KernelFile.open("/dev/null")
        let child = try ChildProcess.start(
            program: sleep, arguments: ["sleep", "1000"], namespaces: .user,
            descriptors: [null.number, null.number, null.number], keepsCapabilities: true)
        defer {
            _ = try? child.signal(9)
            try? child.wait()
        }
        try KernelFile.write(map, to: "/proc/\(child.pid)/uid_map")
        try KernelFile.write(map, to: "/proc/\(child.pid)/gid_map")
        descriptor = try KernelFile.open("/proc/\(child.pid)/ns/user")
    }

    /// Gives up the descriptor; the caller owns it now.
    public consuming func release() -> Descriptor { descriptor }
}
