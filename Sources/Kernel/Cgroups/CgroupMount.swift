/// A mounted cgroup hierarchy, as `/proc/self/mountinfo` tells it (proc_pid_mountinfo(5)).
public struct CgroupMount: Hashable, Sendable {
    /// The group that the mount point shows, as seen from the reader's cgroup namespace.
    public let root: String
    /// Where it is mounted.
    public let point: String
    /// The v1 controllers, such as `cpu` and `cpuacct`; a named hierarchy has `name=…`; empty on v2.
    public let controllers: [String]
    /// Whether it is the v2 hierarchy.
    public let isUnified: Bool

    /// All mounted hierarchies of the calling process's mount namespace.
    public static func mounted() throws(KernelError) -> [CgroupMount] {
        parse(try KernelFile.read("/proc/self/mountinfo"))
    }

    /// The cgroup lines of a mountinfo text.
    public static func parse(_ mountinfo: String) -> [CgroupMount] {
        mountinfo.split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " ")
            guard let dash = halves.firstIndex(of: "-"), dash >= 6, halves.count > dash + 3 else { return nil }
            let type = halves[dash + 1]
            guard type == "cgroup" || type == "cgroup2" else { return nil }
            let options = halves[dash + 3].split(separator: ",").map(String.init)
            return CgroupMount(
                root: unescape(halves[3]),
                point: unescape(halves[4]),
                controllers: type == "cgroup2" ? [] : options.filter { !Self.plainOptions.contains($0) },
                isUnified: type == "cgroup2"
            )
        }
    }

    /// The path of a group in this mount; nil when the mount does not show it.
    public func path(of group: String) -> String? {
        if root == "/" { return group == "/" ? point : point + group }
        if group == root { return point }
        return group.hasPrefix(root + "/") ? point + group.dropFirst(root.count) : nil
    }

    /// Super block options that are not controllers (kernel/cgroup/cgroup-v1.c, cgroup1_show_options).
    private static let plainOptions: Set<String> = [
        "rw", "ro", "noprefix", "xattr", "cpuset_v2_mode", "favordynmods", "clone_children", "all", "none",
    ]

    /// mountinfo writes space, tab, newline and backslash as three octal digits.
    private static func unescape(_ field: Substring) -> String {
        guard field.utf8.contains(UInt8(ascii: "\\")) else { return String(field) }
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            let digits = String(rest.prefix(3)) ?? ""
            if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(digits, radix: 8) {
                bytes.append(value)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// One line of `/proc/<pid>/cgroup`: the group of a process in one hierarchy (cgroups(7)).
public struct CgroupMembership: Hashable, Sendable {
    /// The hierarchy's v1 controllers; empty on v2.
    public let controllers: [String]
    /// The group's path from the root that the reader's cgroup namespace shows; may begin with `/..`.
    public let group: String

    /// The groups of a process; nil means the calling one. ESRCH or ENOENT when it is gone.
    public static func of(_ process: Int32? = nil) throws(KernelError) -> [CgroupMembership] {
        parse(try KernelFile.read("/proc/\(process.map(String.init) ?? "self")/cgroup"))
    }

    /// The lines of a `/proc/<pid>/cgroup` text.
    public static func parse(_ text: String) -> [CgroupMembership] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            // A group that was removed under its last process is shown with this suffix.
            let group = fields[2].hasSuffix(" (deleted)") ? fields[2].dropLast(10) : fields[2]
            return CgroupMembership(
                controllers: fields[1].split(separator: ",").map(String.init),
                group: String(group)
            )
        }
    }
}
