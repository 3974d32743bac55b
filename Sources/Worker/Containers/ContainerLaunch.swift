internal import Kernel
internal import Runtime
internal import Storage
internal import Telemetry

/// Makes a container's kernel objects, for a new container and for one whose process 1 has died.
///
/// The phases follow each other without a gap; what each made is pushed on the undo stack before the next begins.
struct ContainerLaunch {
    /// What a launch leaves behind.
    struct Launched {
        let process: InitProcess
        let cgroup: ContainerCgroup
        let address: String?
    }

    let facilities: Facilities
    let handle: String
    let request: ContainerRequest
    let files: ContainerDirectory
    let onExit: @Sendable (ExitRecord) -> Void
    let onEnd: @Sendable () -> Void

    private var isPrivileged: Bool { facilities.isFullyPrivileged(request) }

    /// Runs the phases below the current span.
    mutating func run(_ phases: inout PhaseSequence, undo: inout UndoStack) throws -> Launched {
        let root = try phases.run(.rootfsPrepare) { span in try prepareRoot(span, &undo) }
        let cgroup = try phases.run(.cgroupCreate) { span in try makeCgroup(span, &undo) }
        let (process, address) = try phases.run(.containerLaunch) { span in
            try launch(root, cgroup, span, &undo)
        }
        return Launched(process: process, cgroup: cgroup, address: address)
    }

    // MARK: root

    /// Detached mounts, gone with this object unless process 1 has attached them.
    private final class Root {
        let tree: MountTree
        let devices: MountTree
        let binds: [BoundMount]

        init(tree: consuming MountTree, devices: consuming MountTree, binds: [BoundMount]) {
            self.tree = tree
            self.devices = devices
            self.binds = binds
        }
    }

    /// A bind mount's source, held open until process 1 has it.
    private struct BoundMount: Sendable {
        let descriptor: SharedDescriptor
        let target: String
        let isFile: Bool
    }

    private func prepareRoot(_ span: PhaseSpan, _ undo: inout UndoStack) throws -> Root {
        let source = try RootSource(request.rootfs, default: facilities.settings.defaultRootfs)
        span.set {
            $0.set("apron.rootfs.scheme", source.scheme)
            $0.set("apron.mount.count", Int64(request.bindMounts.count))
        }
        let volumes = ContainerVolumes(facilities.volumes, of: handle)
        let tree: MountTree
        switch source {
        case .raw(let path):
            tree = try volumes?.mount(path, writable: true, unprivileged: !isPrivileged) ?? RawRoot.mount(path)
        case .image(let path):
            let mapping = isPrivileged ? nil : facilities.idMapping
            let (images, handle) = (facilities.images, handle)
            let isAgain = try images.exists(handle)
            span.set("apron.cache.outcome", isAgain ? "joined" : "hit")
            tree =
                isAgain
                ? try images.reopen(handle, image: path, mapping: mapping)
                : try images.make(handle, image: path, mapping: mapping)
            if !isAgain { undo.push("remove root") { try images.remove(handle) } }
        }
        let owner = isPrivileged ? 0 : facilities.map.containerRoot
        // The device node itself is for containers that may mount FUSE; the rule alone harms nobody.
        let showsFuse = request.privileged && facilities.settings.privilegedMode != .ignore
        let devices = try DeviceTree(uid: owner, gid: owner, hasFuse: showsFuse).mount()
        let binds = try request.bindMounts.map { try bind($0, volumes) }
        return Root(tree: tree, devices: devices, binds: binds)
    }

    private func bind(_ mount: ContainerRequest.BindMount, _ volumes: ContainerVolumes?) throws -> BoundMount {
        if let tree = try volumes?.mount(mount.source, writable: mount.writable, unprivileged: !isPrivileged) {
            let isFile = try tree.descriptor.status().kind != .directory
            return BoundMount(descriptor: SharedDescriptor(tree.release()), target: mount.destination, isFile: isFile)
        }
        let source = try BindSource(mount.source)
        let isFile = !source.isDirectory
        let tree = source.release()
        if !mount.writable { try tree.setAttributes(.readOnly) }
        return BoundMount(descriptor: SharedDescriptor(tree.release()), target: mount.destination, isFile: isFile)
    }

    // MARK: cgroup

    private func makeCgroup(_ span: PhaseSpan, _ undo: inout UndoStack) throws -> ContainerCgroup {
        let limits = request.limits
        span.set {
            $0.set("apron.cgroup.version", Int64(facilities.cgroups.version))
            $0.set("apron.limit.memory", limits.memoryBytes)
            $0.set("apron.limit.cpu_shares", limits.cpuShares)
            $0.set("apron.limit.pids", limits.pids)
        }
        let cgroup = try facilities.cgroups.create(
            handle: handle,
            limits: CgroupLimits(
                memoryBytes: limits.memoryBytes, cpuShares: limits.cpuShares, cpuQuota: limits.cpuQuota,
                pids: limits.pids),
            devices: DevicePolicy(extra: facilities.settings.allowedDevices))
        if cgroup.isReplacement { span.set("apron.cgroup.replaced", true) }
        undo.push("remove cgroup") {
            try cgroup.kill()
            try cgroup.remove()
        }
        if !isPrivileged { try cgroup.delegate(toUser: facilities.map.containerRoot) }
        return cgroup
    }

    // MARK: process 1

    private func launch(
        _ root: Root, _ cgroup: ContainerCgroup, _ span: PhaseSpan, _ undo: inout UndoStack
    ) throws -> (InitProcess, String?) {
        var steps = span.phases()
        let process = try steps.run(.childStart) { _ in
            try InitProcess.launch(
                image: facilities.initImage, directory: files.directory, map: isPrivileged ? nil : facilities.map,
                cgroup: cgroup, onExit: onExit, onEnd: onEnd)
        }
        span.set("process.pid", Int64(process.pid))
        undo.push("end process 1") {
            try process.kill()
            _ = try process.waitForEnd(milliseconds: 10_000)
        }
        let attachment = try connect(process, &undo)
        let names = try writeNetworkFiles(attachment)

        var layout = ContainerLayout(root: root.tree.descriptor.number, deviceTree: root.devices.descriptor.number)
        layout.isUnprivileged = !isPrivileged
        layout.mounts = (root.binds + names).map {
            ContainerLayout.Mount(descriptor: $0.descriptor.number, target: $0.target, isFile: $0.isFile)
        }
        layout.hostName = HostFiles(handle: handle, address: attachment?.address).hostName
        layout.network = BridgeNetwork.loopbackSetup + (attachment?.setup ?? [])
        layout.kernelFilesWritable = isPrivileged && facilities.settings.compatibility.opensKernelFiles
        let views = isPrivileged ? [] : try cgroupViews(cgroup)
        layout.cgroups = cgroupView(views)
        if !request.privileged || facilities.settings.privilegedMode == .ignore {
            layout.masks = PathMasks.masked
            layout.readOnly = PathMasks.readOnly
        }
        let payload = try SharedDescriptor.optional(cgroup.payloadDirectory())
        layout.payloadCgroup = payload?.number
        try process.setUp(layout.plan(), since: steps.end, spans: facilities.stepSpans)
        withExtendedLifetime((root, names, payload, views)) {}
        return (process, attachment.map { "\($0.address)" })
    }

    /// What an unprivileged container sees of its own groups, made read-only here: inside it could be undone.
    private func cgroupViews(_ cgroup: ContainerCgroup) throws -> [(name: String?, tree: SharedDescriptor)] {
        try cgroup.views.map { name, path in
            let tree = try MountTree.clone(path)
            try tree.setAttributes([.readOnly, .noSuid, .noDev, .noExec])
            return (name, SharedDescriptor(tree.release()))
        }
    }

    private func cgroupView(_ views: [(name: String?, tree: SharedDescriptor)]) -> ContainerLayout.CgroupView {
        if !isPrivileged { return .own(views.map { ($0.name, $0.tree.number) }) }
        return facilities.settings.compatibility.opensKernelFiles ? facilities.cgroupView : .none
    }

    private func connect(_ process: InitProcess, _ undo: inout UndoStack) throws -> NetworkAttachment? {
        guard request.network, let network = facilities.network else { return nil }
        return try traced(.networkCreate) { span in
            let attachment = try network.attach(handle: handle, processID: process.pid)
            undo.push("release address") { try network.detach(attachment.lease) }
            span.set {
                $0.set("apron.network.address", "\(attachment.address)")
                $0.set("apron.network.pooled", false)
            }
            return attachment
        }
    }

    /// Writes hosts, hostname and resolv.conf beside the container's state and makes them ready to be mounted.
    private func writeNetworkFiles(_ attachment: NetworkAttachment?) throws -> [BoundMount] {
        let hosts = HostFiles(
            handle: handle, address: attachment?.address,
            additionalHosts: facilities.settings.network?.additionalHosts ?? [])
        let resolver = attachment == nil ? .hermetic : facilities.resolver
        let contents = [
            ("hosts", hosts.hosts), ("hostname", hosts.hostNameFile), ("resolv.conf", resolver.contents),
        ]
        let owner = isPrivileged ? 0 : facilities.map.containerRoot
        return try contents.map { name, text in
            let file = try files.directory.openFile(name, [.writeOnly, .create, .truncate], mode: 0o644)
            try file.writeContents(Array(text.utf8), "\(files.directory.path)/\(name)")
            try files.directory.chown(name, uid: owner, gid: owner)
            let tree = try MountTree.clone(file, source: "\(files.directory.path)/\(name)")
            return BoundMount(descriptor: SharedDescriptor(tree.release()), target: "/etc/\(name)", isFile: true)
        }
    }
}

/// Where a container's root comes from.
enum RootSource {
    /// This directory as it is, read and written in place.
    case raw(String)
    /// A fresh overlay on this directory.
    case image(String)

    /// Reads a create request's root.
    /// - Throws: ``WorkerError`` in the words that the orchestrator looks for
    init(_ text: String, default image: String?) throws {
        if text.isEmpty {
            guard let image else { throw Compatibility.emptyImage }
            self = .image(image)
        } else if text.hasPrefix("raw://") {
            let path = String(text.dropFirst(6))
            guard path.hasPrefix("/") else {
                throw WorkerError(.invalid, "rootfs \(text): directory must be an absolute path")
            }
            self = .raw(path)
        } else if text.hasPrefix("/") {
            self = .image(text)
        } else if let end = text.firstRange(of: "://") {
            throw WorkerError(.invalid, "rootfs \(text): unsupported scheme '\(text[..<end.lowerBound])'")
        } else {
            throw WorkerError(.invalid, "malformatted rootfs: \(text)")
        }
    }

    var scheme: String {
        switch self {
        case .raw: "raw"
        case .image: "image"
        }
    }
}
