public import Kernel
internal import Synchronization

/// The host's control groups as the daemon found them, and the directories that hold its containers' groups.
///
/// v1, v2 and mixtures are one case: a controller is used where it is mounted. Everything lies beneath the daemon's own
/// group, so that the limits of a service or of a surrounding container hold for all containers together.
public final class CgroupHierarchy: Sendable {
    /// How controllers are mounted.
    public enum Layout: String, Sendable {
        /// cgroup v2 alone.
        case unified
        /// cgroup v1 alone.
        case legacy
        /// v1 controllers, and a v2 hierarchy that is used for pressure figures, CPU time and killing.
        case hybrid
    }

    /// The layout found.
    public let layout: Layout
    /// The controllers that containers are limited by and measured with.
    public let controllers: Set<CgroupController>

    let trees: [CgroupTree]
    let unified: CgroupUnified?
    /// That this worker lives, told to others in each of the directories for containers.
    let presences: [CgroupPresence]
    /// Whether v1 counts swap (`memory.memsw.*`), which is a build and boot option.
    let countsSwap: Bool
    /// The program of the last policy; nearly always all containers have the same.
    private let filter = Mutex<(policy: DevicePolicy, filter: DeviceFilter)?>(nil)

    init(trees: [CgroupTree], unified: CgroupUnified?, countsSwap: Bool) throws(KernelError) {
        self.trees = trees
        self.unified = unified
        var presences: [CgroupPresence] = []
        for directory in trees.map(\.groups) + (unified.map { [$0.groups] } ?? []) {
            presences.append(try CgroupPresence(in: directory))
        }
        self.presences = presences
        layout = trees.isEmpty ? .unified : unified == nil ? .legacy : .hybrid
        controllers = trees.reduce(into: unified?.controllers ?? []) { $0.formUnion($1.controllers) }
        self.countsSwap = countsSwap
    }

    /// 2 when v2 is all there is, else 1.
    public var version: Int { layout == .unified ? 2 : 1 }

    /// Whether device access is limited; on v1 that takes the controller, on v2 a BPF program does it.
    public var controlsDevices: Bool { layout == .unified || controllers.contains(.devices) }

    /// Makes a container's groups with its limits; the first process joins by ``ContainerCgroup/launch(_:)``.
    ///
    /// The handle is the caller's to give: groups of that name are remains of a worker whose state is gone, and are
    /// replaced when they are empty and no other worker is there.
    ///
    /// Nothing is left when it throws. EEXIST: a group of this handle exists already, with processes in it or perhaps
    /// another worker's; the error says which.
    public func create(
        handle: String,
        limits: CgroupLimits = CgroupLimits(),
        devices: DevicePolicy = DevicePolicy()
    ) throws(KernelError) -> ContainerCgroup {
        let joined = trees.filter { needs($0, limits) }
        let name = CgroupName.name(forHandle: handle)
        // The kernel would make it and then not list it.
        guard name.utf8.count <= CgroupName.bytesMax else {
            throw KernelError(call: "mkdirat", errno: .nameTooLong, subject: "cgroup \(name)")
        }
        var group = ContainerCgroup(handle: handle, name: name, trees: joined, unified: unified, hierarchy: self)
        do { try group.make() } catch {
            guard error.errno == .exists else { throw error }
            try removeStale(handle)
            group = ContainerCgroup(replacing: group)
            try group.make()
        }
        do {
            try group.apply(limits)
            try group.apply(devices)
        } catch {
            // The first error is the one to tell; the groups are empty, so that removing them does not fail.
            do { try group.remove() } catch {}
            throw error
        }
        return group
    }

    /// The groups of an existing container, or nil when there are none.
    ///
    /// - Parameter member: process 1 of the container, if it lives. The daemon may have been started in another group
    ///   than the one that made the container; the kernel's word on where process 1 is settles it.
    public func open(handle: String, member: Int32? = nil) throws(KernelError) -> ContainerCgroup? {
        let name = CgroupName.name(forHandle: handle)
        var places: [CgroupMembership] = []
        if let member {
            do { places = try CgroupMembership.of(member) } catch {
                if error.errno != .noEntry && error.errno != .noProcess { throw error }
            }
        }
        let mounts = places.isEmpty ? [] : try CgroupMount.mounted()

        var found: [CgroupTree] = []
        for tree in trees {
            let place = places.first { Set($0.controllers.compactMap(CgroupController.init)) == tree.controllers }
            let mount = mounts.first { Set($0.controllers.compactMap(CgroupController.init)) == tree.controllers }
            let groups = try Self.directory(of: name, place, mount, tree.groups)
            guard let groups, groups.contains(name) else { continue }
            found.append(CgroupTree(controllers: tree.controllers, groups: groups, home: tree.home))
        }
        var unifiedFound: CgroupUnified?
        if let unified {
            let place = places.first { $0.controllers.isEmpty }
            let mount = mounts.first { $0.isUnified }
            if let groups = try Self.directory(of: name, place, mount, unified.groups), groups.contains(name) {
                unifiedFound = CgroupUnified(
                    controllers: unified.controllers,
                    groups: groups,
                    canKill: unified.canKill
                )
            }
        }
        if found.isEmpty && unifiedFound == nil { return nil }
        return ContainerCgroup(handle: handle, name: name, trees: found, unified: unifiedFound, hierarchy: self)
    }

    /// The handles of all groups in our directories, for finding those without a container.
    public func list() throws(KernelError) -> [String] {
        var names: Set<String> = []
        for directory in trees.map(\.groups) + (unified.map { [$0.groups] } ?? []) {
            names.formUnion(try directory.groups())
        }
        return names.map(CgroupName.handle(forName:)).sorted()
    }

    /// The loaded program for a policy.
    func deviceFilter(_ policy: DevicePolicy) throws(KernelError) -> DeviceFilter {
        if let known = filter.withLock({ $0?.policy == policy ? $0?.filter : nil }) { return known }
        let fresh = try DeviceFilter(DeviceProgram.instructions(for: policy))
        filter.withLock { $0 = (policy, fresh) }
        return fresh
    }

    /// Each directory costs 20 to 130 µs to make and to remove, so a container joins only what serves it.
    private func needs(_ tree: CgroupTree, _ limits: CgroupLimits) -> Bool {
        tree.controllers.contains { controller in
            switch controller {
            case .memory, .devices: true
            case .cpu: limits.cpuShares != nil || limits.cpuQuota != nil
            // Without v2 there is no other count of CPU time, and a fork bomb is killed by means of this controller.
            case .cpuacct: unified == nil
            case .pids: unified == nil || limits.pids != nil
            case .io: false
            }
        }
    }

    /// The directory above the group `name` in which a process is, or the usual one when it is in none of that name.
    private static func directory(
        of name: String,
        _ place: CgroupMembership?,
        _ mount: CgroupMount?,
        _ usual: CgroupDirectory
    ) throws(KernelError) -> CgroupDirectory? {
        guard let path = place.flatMap({ mount?.path(of: $0.group) }) else { return usual }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let index = parts.lastIndex(of: name[...]) else { return usual }
        let above = parts[..<index].joined(separator: "/")
        return above == usual.path ? usual : try CgroupDirectory(path: above)
    }
}
