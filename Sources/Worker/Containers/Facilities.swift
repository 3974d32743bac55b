internal import Kernel
internal import Runtime
internal import Storage
internal import Synchronization

/// What every container of this worker shares.
final class Facilities: Sendable {
    let settings: WorkerSettings
    let features: Features
    let initImage: InitImage
    let map: IdentityMap
    /// Holds the map, for id-mapped mounts.
    let userNamespace: SharedDescriptor
    let cgroups: CgroupHierarchy
    let network: BridgeNetwork?
    let images: ImageRoots
    let idMapping: IDMapping
    let volumes: VolumeFacilities?
    let cgroupView: ContainerLayout.CgroupView
    let resolver: ResolverFile
    let pump: Pump
    let directories: StateDirectories
    let filters: FilterShelf
    let stepSpans: StepSpans
    private let stopping = Mutex(false)

    /// The worker is about to end; clients lose their connections and will be back.
    var isStopping: Bool { stopping.withLock { $0 } }

    /// Makes or takes over everything; nothing of it belongs to one container.
    init(_ settings: WorkerSettings) throws {
        self.settings = settings
        directories = try StateDirectories(below: settings.workDirectory)
        initImage = try InitImage(path: settings.initPath, name: settings.compatibility.initName)
        map = try IdentityMap.ofThisProcess()
        userNamespace = SharedDescriptor(try initImage.makeUserNamespace(map))
        let workDirectory = try Directory(settings.workDirectory)
        try DirectoryClaim.makeDirectories(settings.cacheDirectory)
        let cache = try Directory(settings.cacheDirectory)
        features = try userNamespace.with { namespace throws(KernelError) in
            try FeatureShelf(directory: cache).features(
                userNamespace: namespace, workDirectory: workDirectory, disabled: settings.disabledFeatures)
        }
        guard features.missingRequired.isEmpty else {
            let missing = features.missingRequired.map(\.rawValue).joined(separator: ", ")
            throw WorkerError(.unavailable, "this kernel lacks what Apron needs: \(missing)")
        }
        cgroups = try CgroupHierarchy.detect(parent: settings.cgroupParent)
        try DirectoryClaim.makeDirectories(settings.leasesDirectory)
        network = try settings.network.map {
            try BridgeNetwork(
                $0, leasesDirectory: settings.leasesDirectory, adoption: settings.sharesNetwork ? .keep : .replace)
        }
        images = try ImageRoots(
            storage: workDirectory.makeIfMissing("images", mode: 0o711), features: features)
        idMapping = IDMapping(userNamespace: userNamespace, name: "root-\(map.containerRoot)")
        volumes = try Facilities.openVolumes(settings, initImage, map, userNamespace, features)
        cgroupView = try Facilities.cgroupView(cgroups)
        resolver = ResolverFile(
            servers: settings.network?.dnsServers ?? [], host: try? KernelFile.read(ResolverFile.hostPath),
            upstream: try? KernelFile.read(ResolverFile.upstreamPath),
            hostAddress: (settings.network ?? NetworkConfiguration()).gateway)
        pump = try Pump()
        stepSpans = StepSpans(showsEveryStep: settings.showsEveryStep)
        filters = FilterShelf(directory: cache, custom: settings.seccompFile)
    }

    /// What fully privileged containers see of cgroups: the host's, on v1 those that limit processes.
    private static func cgroupView(_ cgroups: CgroupHierarchy) throws -> ContainerLayout.CgroupView {
        if cgroups.version == 2 { return .unified }
        let shown: Set<Substring> = ["memory", "cpu", "cpuacct", "pids"]
        let hierarchies = try KernelFile.read("/proc/self/cgroup").split(separator: "\n").compactMap {
            line -> String? in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, !shown.isDisjoint(with: fields[1].split(separator: ",")) else { return nil }
            return String(fields[1])
        }
        return .hierarchies(hierarchies.sorted())
    }

    private static func openVolumes(
        _ settings: WorkerSettings, _ image: InitImage, _ map: IdentityMap, _ namespace: SharedDescriptor,
        _ features: Features
    ) throws -> VolumeFacilities? {
        try settings.volumes.map { volumes in
            var volumes = volumes
            volumes.shiftsPrivileged = settings.privilegedMode != .full
            return try VolumeFacilities(
                volumes, containerRoot: map.containerRoot, userNamespace: namespace,
                inverse: SharedDescriptor(try image.makeUserNamespace(map, isInverse: true)), features: features)
        }
    }

    func noteStopping() { stopping.withLock { $0 = true } }

    /// Whether a privileged request really gets no user namespace.
    func isFullyPrivileged(_ request: ContainerRequest) -> Bool {
        request.privileged && settings.privilegedMode == .full
    }

    /// What programs of a container may do.
    func confinement(of request: ContainerRequest) throws -> (capabilities: UInt64, filter: [UInt8]) {
        if isFullyPrivileged(request) { return (CapabilityProfile.full.granted().rawValue, []) }
        if request.privileged, settings.privilegedMode == .fuseOnly {
            return (CapabilityProfile.fuseOnly.granted().rawValue, try filters.fuseOnly())
        }
        return (CapabilityProfile.unprivileged.granted().rawValue, try filters.unprivileged())
    }
}
