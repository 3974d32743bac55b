public import Kernel

extension CgroupHierarchy {
    /// Finds the host's layout and makes the directories for containers in each hierarchy; idempotent.
    ///
    /// On v2 the daemon may be moved into a group of its own beside them (`apron-daemon`).
    /// - Parameter parent: the name of the directory, one path component
    public static func detect(parent: String = "apron") throws(KernelError) -> CgroupHierarchy {
        let mounts = try CgroupMount.mounted()
        let memberships = try CgroupMembership.of()
        var trees: [CgroupTree] = []
        var countsSwap = false
        for membership in memberships where !membership.controllers.isEmpty {
            let controllers = Set(membership.controllers.compactMap(CgroupController.init))
            guard !controllers.isEmpty,
                let mount = mounts.first(where: { Set($0.controllers) == Set(membership.controllers) })
            else { continue }
            let home = try CgroupDirectory(path: path(of: membership.group, in: mount))
            try home.makeGroupIfMissing(parent)
            let groups = try CgroupDirectory(beneath: home, name: parent)
            let tasks = try CgroupTasks(home, group: ".")
            trees.append(CgroupTree(controllers: controllers, groups: groups, home: tasks))
            if controllers.contains(.memory) { countsSwap = home.contains("memory.memsw.limit_in_bytes") }
        }

        var unified: CgroupUnified?
        if let mount = mounts.first(where: \.isUnified) {
            let own = memberships.first { $0.controllers.isEmpty }?.group ?? "/"
            do {
                let base = try CgroupDirectory(path: path(of: withoutLeaf(own), in: mount))
                unified = try UnifiedBase(directory: base, parent: parent).prepare()
            } catch {
                // Beside v1 controllers it is a convenience; alone it is everything.
                if trees.isEmpty { throw error }
            }
        }
        guard !trees.isEmpty || unified != nil else {
            throw KernelError(call: "cgroup", errno: .noEntry, subject: "no cgroup file system is mounted")
        }
        // A launching thread joins in this order and goes back in the other: it is to be under the memory limit for the
        // shortest time.
        trees.sort { !$0.controllers.contains(.memory) && $1.controllers.contains(.memory) }
        return try CgroupHierarchy(trees: trees, unified: unified, countsSwap: countsSwap)
    }

    /// Removes the directories for containers where none is left; a later ``detect(parent:)`` makes them again.
    public func removeDirectories() throws(KernelError) {
        for directory in trees.map(\.groups) + (unified.map { [$0.groups] } ?? []) {
            let parts = directory.path.split(separator: "/")
            guard let name = parts.last else { continue }
            let above = try CgroupDirectory(path: "/" + parts.dropLast().joined(separator: "/"))
            do { try above.removeGroup(String(name)) } catch {
                // Containers are still there, or another process has been faster.
                if error.errno != .busy && error.errno != .noEntry { throw error }
            }
        }
    }

    /// The own group as it was before the daemon moved into its leaf.
    static func withoutLeaf(_ group: String) -> String {
        let leaf = "/" + UnifiedBase.leaf
        guard group.hasSuffix(leaf) else { return group }
        return group == leaf ? "/" : String(group.dropLast(leaf.count))
    }

    /// Inside a container the mount often shows the own group as its top, under a name that does not exist in it.
    private static func path(of group: String, in mount: CgroupMount) -> String {
        guard !group.hasPrefix("/.."), let path = mount.path(of: group) else { return mount.point }
        return path
    }
}
