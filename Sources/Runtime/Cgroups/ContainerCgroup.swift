internal import Kernel

/// The control groups of one container.
///
/// On v2 a container has a group with two below it: `init` for process 1 and `payload` for its programs. Limits that
/// can hurt (memory, processes, CPU quota) are on the payload, so that process 1 outlives an OOM kill and a fork bomb,
/// and so that programs see them in what is the top of their cgroup namespace; shares and devices are on the whole.
/// On v1 there is one directory for each controller, and process 1 is under the limits as well. On hybrid hosts the v2
/// group limits nothing, so that process 1 is in it itself, above `payload`.
public final class ContainerCgroup: Sendable {
    /// The container.
    public let handle: String
    /// Whether the groups took the place of stale ones (``CgroupHierarchy/removeStale(_:)``).
    public let isReplacement: Bool

    let name: String
    let trees: [CgroupTree]
    let unified: CgroupUnified?
    private let hierarchy: CgroupHierarchy

    init(handle: String, name: String, trees: [CgroupTree], unified: CgroupUnified?, hierarchy: CgroupHierarchy) {
        self.handle = handle
        self.isReplacement = false
        self.name = name
        self.trees = trees
        self.unified = unified
        self.hierarchy = hierarchy
    }

    /// The same groups, of which stale ones were removed.
    init(replacing stale: ContainerCgroup) {
        handle = stale.handle
        isReplacement = true
        name = stale.name
        trees = stale.trees
        unified = stale.unified
        hierarchy = stale.hierarchy
    }

    /// Where a controller's files of this container are; nil when the container has not joined it.
    func place(of controller: CgroupController) -> (directory: CgroupDirectory, isUnified: Bool)? {
        if let tree = trees.first(where: { $0.controllers.contains(controller) }) { return (tree.groups, false) }
        if let unified, unified.controllers.contains(controller) { return (unified.groups, true) }
        return nil
    }

    /// The group of process 1 on v2: `<container>/init`, or the container's own on hybrid hosts.
    var first: String { hierarchy.layout == .unified ? "\(name)/\(CgroupUnified.first)" : name }
    /// `<container>/payload` on v2.
    var payload: String { "\(name)/\(CgroupUnified.payload)" }

    /// Makes the directories; when one fails, those made before are removed.
    func make() throws(KernelError) {
        var made: [(CgroupDirectory, String)] = []
        do {
            for tree in trees {
                try tree.groups.makeGroup(name)
                made.append((tree.groups, name))
            }
            if let unified {
                for group in first == name ? [name, payload] : [name, first, payload] {
                    try unified.groups.makeGroup(group)
                    made.append((unified.groups, group))
                }
            }
        } catch {
            // Just made and empty; should one stay nevertheless, it is in nobody's way but a namesake's.
            for (directory, group) in made.reversed() { do { try directory.removeGroup(group) } catch {} }
            throw error
        }
    }

    /// Writes the limits. The groups are still empty.
    func apply(_ limits: CgroupLimits) throws(KernelError) {
        try enablePayloadControllers(limits)
        if let bytes = limits.memoryBytes {
            let (directory, isUnified) = try placeNeeded(.memory)
            if isUnified {
                try directory.write("\(bytes)", to: "\(payload)/memory.max")
                // Without swap accounting the file is missing, and swap cannot be limited.
                let swap = "\(payload)/memory.swap.max"
                do { try directory.write("0", to: swap) } catch { if error.errno != .noEntry { throw error } }
            } else {
                try directory.write("\(bytes)", to: "\(name)/memory.limit_in_bytes")
                // In this order: memory and swap together may never be less than memory.
                if hierarchy.countsSwap { try directory.write("\(bytes)", to: "\(name)/memory.memsw.limit_in_bytes") }
            }
        }
        if let pids = limits.pids {
            let (directory, isUnified) = try placeNeeded(.pids)
            try directory.write("\(pids)", to: "\(isUnified ? payload : name)/pids.max")
        }
        if let shares = limits.cpuShares {
            let (directory, isUnified) = try placeNeeded(.cpu)
            if isUnified {
                // Weights count among siblings, and the siblings are the other containers.
                try directory.write("\(CgroupLimits.weight(fromShares: shares))", to: "\(name)/cpu.weight")
            } else {
                try directory.write("\(shares)", to: "\(name)/cpu.shares")
            }
        }
        if let quota = limits.quotaMicroseconds {
            let (directory, isUnified) = try placeNeeded(.cpu)
            if isUnified {
                try directory.write("\(quota) \(CgroupLimits.quotaPeriodMicroseconds)", to: "\(payload)/cpu.max")
            } else {
                // The period of a new group is already the one that the quota is for.
                try directory.write("\(quota)", to: "\(name)/cpu.cfs_quota_us")
            }
        }
    }

    /// Limits device access.
    func apply(_ policy: DevicePolicy) throws(KernelError) {
        if let (directory, _) = place(of: .devices) {
            try directory.write("a", to: "\(name)/devices.deny")
            let allow = "\(name)/devices.allow"
            for (rules, isBuiltIn) in policy.parts {
                do { try directory.write(rules.map(\.description), to: allow) } catch {
                    // Where a surrounding container has fewer devices, ours have no more than it; but an operator's
                    // own rule must not be lost in silence.
                    if !isBuiltIn || error.errno != .permission { throw error }
                    try allowOneByOne(rules, directory, allow)
                }
            }
        } else if let unified, hierarchy.layout == .unified {
            let group = try unified.groups.open(name)
            try hierarchy.deviceFilter(policy).attach(to: group, path: unified.groups.subject(name))
        }
    }

    private func allowOneByOne(
        _ rules: [DeviceRule],
        _ directory: CgroupDirectory,
        _ file: String
    ) throws(KernelError) {
        for rule in rules {
            do { try directory.write(rule.description, to: file) } catch {
                if error.errno != .permission { throw error }
            }
        }
    }

    /// The payload's control files exist only for controllers that its parent hands down. Each costs time for two
    /// groups, so that only what is limited is handed down.
    private func enablePayloadControllers(_ limits: CgroupLimits) throws(KernelError) {
        guard let unified else { return }
        var wanted: [CgroupController] = []
        if limits.memoryBytes != nil { wanted.append(.memory) }
        if limits.pids != nil { wanted.append(.pids) }
        if limits.quotaMicroseconds != nil { wanted.append(.cpu) }
        let line = wanted.filter { place(of: $0)?.isUnified == true }.map { "+" + $0.rawValue }.joined(separator: " ")
        if !line.isEmpty { try unified.groups.write(line, to: "\(name)/cgroup.subtree_control") }
    }

    private func placeNeeded(_ controller: CgroupController) throws(KernelError) -> (CgroupDirectory, Bool) {
        if let (directory, isUnified) = place(of: controller) { return (directory, isUnified) }
        let subject = "\(handle): the \(controller.rawValue) controller is not available to this worker"
        throw KernelError(call: "cgroup", errno: .noEntry, subject: subject)
    }
}
