public import Kernel

/// How a container's user and group ids are mapped onto the host's (user_namespaces(7)).
///
/// As the stock worker does it: the container's root is the highest id that is valid here, every other id is itself, so
/// that volumes stay usable when one replaces the other.
public struct IdentityMap: Sendable, Hashable {
    /// The host's id of the container's root.
    public let containerRoot: UInt32

    /// Maps the container's root to `containerRoot` and 1…containerRoot−1 to themselves.
    public init(containerRoot: UInt32) { self.containerRoot = containerRoot }

    /// The map for containers of this process, which may itself live in a user namespace with a smaller map.
    public static func ofThisProcess() throws(KernelError) -> IdentityMap {
        var highest: UInt32 = 0
        for line in try KernelFile.read("/proc/self/uid_map").split(separator: "\n") {
            let fields = line.split(separator: " ").compactMap { UInt64($0) }
            guard fields.count == 3, fields[2] > 0 else { continue }
            highest = max(highest, UInt32(min(fields[0] + fields[2] - 1, UInt64(UInt32.max) - 1)))
        }
        return IdentityMap(containerRoot: highest)
    }

    /// The text for uid_map and gid_map.
    public var text: String { "0 \(containerRoot) 1\n1 1 \(containerRoot - 1)\n" }

    /// The map the other way round, as the text for uid_map and gid_map: `containerRoot` inside is 0 outside.
    ///
    /// For id-mapped mounts (mount_setattr(2)) that show what such a container wrote as a privileged one sees it.
    public var inverseText: String { "1 1 \(containerRoot - 1)\n\(containerRoot) 0 1\n" }

    /// The host's id of an id inside.
    public func host(_ inside: UInt32) -> UInt32 { inside == 0 ? containerRoot : inside }
}
