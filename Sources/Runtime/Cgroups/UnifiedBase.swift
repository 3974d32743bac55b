internal import Kernel

/// The group of cgroup v2 in which the daemon was started, made ready to hold containers.
///
/// A group that hands controllers to its children may not have processes of its own (the root excepted), so the daemon
/// moves into a leaf beside the containers when it must. Doing it again changes nothing.
struct UnifiedBase {
    /// The group, that of the daemon or the one above its leaf.
    let directory: CgroupDirectory
    /// The name of the directory for containers.
    let parent: String

    /// The leaf for the daemon itself, whatever directory it uses for containers: two of ours in one service share it.
    static let leaf = "apron-daemon"

    /// Makes the directory for containers with every controller of ours that is to be had.
    func prepare() throws(KernelError) -> CgroupUnified {
        let available = try Self.names(in: directory, "cgroup.controllers")
        try enable(available, in: directory)
        try directory.makeGroupIfMissing(parent)
        let groups = try CgroupDirectory(beneath: directory, name: parent)
        try enable(Self.names(in: groups, "cgroup.controllers"), in: groups)
        return CgroupUnified(
            controllers: try Self.names(in: groups, "cgroup.subtree_control"),
            groups: groups,
            canKill: groups.contains("cgroup.kill")
        )
    }

    /// Rounds of moving processes that others start in our group meanwhile.
    private static let moveRoundsMax = 10

    private func enable(_ available: Set<CgroupController>, in group: CgroupDirectory) throws(KernelError) {
        let missing = try available.subtracting(Self.names(in: group, "cgroup.subtree_control"))
        if missing.isEmpty { return }
        let value = missing.map { "+" + $0.rawValue }.sorted().joined(separator: " ")
        for round in 0...Self.moveRoundsMax {
            do {
                return try group.write(value, to: "cgroup.subtree_control")
            } catch {
                // EBUSY: processes in the group itself.
                if error.errno == .busy, round < Self.moveRoundsMax {
                    try moveAside(everything: round > 0)
                    continue
                }
                // The whole line fails when one controller does: the CPU controller is refused on hosts with real-time
                // processes. The others are of use without it.
                if missing.count == 1 { throw error }
                break
            }
        }
        for controller in missing {
            do { try group.write("+" + controller.rawValue, to: "cgroup.subtree_control") } catch {
                // Containers go without this one; a limit that needs it fails naming its file.
                if error.errno == .busy { throw error }
            }
        }
    }

    /// Moves the daemon, and then whatever else is in its group, such as the shell that started it, into the leaf.
    private func moveAside(everything: Bool) throws(KernelError) {
        try directory.makeGroupIfMissing(Self.leaf)
        if !everything { return try directory.write("0", to: "\(Self.leaf)/cgroup.procs") }
        for line in try directory.read("cgroup.procs").split(separator: "\n") where line != "0" {
            do { try directory.write(String(line), to: "\(Self.leaf)/cgroup.procs") } catch {
                if error.errno != .noProcess { throw error }
            }
        }
    }

    private static func names(
        in group: CgroupDirectory,
        _ file: String
    ) throws(KernelError) -> Set<CgroupController> {
        let words = try group.read(file).split { $0 == " " || $0 == "\n" }
        return Set(words.compactMap { CgroupController(rawValue: String($0)) })
    }
}
