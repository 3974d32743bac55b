internal import Kernel
internal import Logging
internal import Runtime
internal import ServiceLifecycle
internal import Telemetry
internal import Worker

/// What the wiring needs of the worker's domain.
struct WorkerParts: Sendable {
    /// The containers that the API and `apron run` use.
    let containers: any Containers
    /// The volumes that the API serves; nil: none are kept.
    var volumes: (any Volumes)?
    /// What an operator sees of both; nil where nobody looks.
    var overview: (@Sendable () async -> WorkerOverview)?
    /// How many of both there are, for the metrics.
    var metrics: MetricSource?
    /// What runs beside them for as long as they are used; stopped after the API.
    var services: [any Service] = []
    /// What must know of the end before the API closes its connections.
    var notices: [any Service] = []
    /// Finds and adopts, finishes or undoes what an earlier process left in the work directory. To be awaited before the
    /// first use of ``containers``.
    var recover: @Sendable () async throws -> Void = {}
    /// Removes what nothing needs any more; called last.
    var finish: @Sendable () async throws -> Void = {}
}

/// Makes the worker's domain from its settings and says in the log what it found on this host.
///
/// The work directory exists and is locked by this process.
/// - Parameter use: what the containers' network is for
func makeWorker(
    _ configuration: WorkerConfiguration, network use: NetworkUse = .own, logger: Logger
) throws -> WorkerParts {
    let service = try ContainerService(configuration.workerSettings(use))
    // One run of `apron run` keeps no volumes.
    let volumes = use == .own ? try VolumeService(containers: service) : nil
    let notes = try service.startupNotes()
    for line in notes.features { logger.info("kernel feature", metadata: ["feature": "\(line)"]) }
    for line in notes.warnings { logger.warning("\(line)") }
    let observation = WorkerObservation(of: service)
    return WorkerParts(
        containers: service, volumes: volumes, overview: { await observation.look() },
        metrics: service.metricSource,
        notices: [StopNotice(service: service)],
        recover: {
            // Containers claim the volumes that they use, which this finds first.
            let report = try await BlockingExecutor.run { try service.recover() }
            for failure in report.failures { logger.error("recovery: \(failure)") }
            logger.info(
                "recovered",
                metadata: [
                    "adopted": "\(report.adopted.count)", "lost": "\(report.lost.count)",
                    "undone": "\(report.undone.count)",
                ])
            if let volumes { try await recoverVolumes(volumes, logger: logger) }
        },
        finish: {
            await volumes?.stop()
            try await BlockingExecutor.run { try service.tearDownIdle() }
        })
}

/// Finds what an earlier process left of volumes and says so in the log.
func recoverVolumes(_ volumes: VolumeService, logger: Logger) async throws {
    let report = try await BlockingExecutor.run { try volumes.recover() }
    for failure in report.failures { logger.error("recovery: \(failure)") }
    for loss in report.givenUp { logger.warning("recovery: given up: \(loss)") }
    logger.info(
        "volumes recovered",
        metadata: [
            "adopted": "\(report.adopted.count)", "given up": "\(report.givenUp.count)",
            "undone": "\(report.undone.count)",
        ])
}

/// Whether there is a bridge, and whose settings it follows.
enum NetworkUse {
    /// The worker's own: its settings count.
    case own
    /// Another worker's, if there is one.
    case shared
    /// No container needs a network.
    case none
}

/// Tells the containers that connections are about to be closed by us, before the API closes them.
private struct StopNotice: Service {
    let service: ContainerService

    func run() async throws {
        await withGracefulShutdownHandler {
            try? await gracefulShutdown()
        } onGracefulShutdown: {
            service.prepareToStop()
        }
    }
}

extension WorkerConfiguration {
    /// The firewall table of the bridge: nftables takes letters, digits and underscores, and a letter first.
    private var tableName: String {
        "apron_" + bridgeName.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    }

    /// The settings as the worker's domain takes them.
    fileprivate func workerSettings(_ use: NetworkUse) throws -> WorkerSettings {
        var settings = WorkerSettings(workDirectory: workDirectory, initPath: initProgram ?? "")
        settings.containersMax = maxContainers
        settings.defaultRootfs = defaultRootfs
        settings.compatibility = compatibility
        settings.privilegedMode = WorkerSettings.PrivilegedMode(rawValue: privilegedMode.rawValue) ?? .full
        settings.allowedDevices = allowedDevices
        settings.seccompFile = try seccompProfile.map { path in
            let file = try Descriptor(opening: path, .readOnly)
            return try SeccompFile(json: file.readContents(limit: 4 << 20, path))
        }
        if use == .own {
            settings.volumes = volumes.settings(directory: VolumeConfiguration.directory(below: workDirectory))
        }
        settings.showsEveryStep = traceDetail == .syscalls
        settings.passesProcessSpan = traceProcessParent
        settings.disabledFeatures = disabledFeatures
        settings.leasesDirectory = "/run/apron/\(bridgeName)"
        settings.sharesNetwork = use == .shared
        settings.network =
            use == .none
            ? nil
            : NetworkConfiguration(
                pool: networkPool, mtu: mtu.map { UInt32($0) },
                restrictedNetworks: restrictedNetworks.compactMap { CIDR("\($0)") }, allowHostAccess: allowHostAccess,
                dnsServers: dnsServers.map(\.description), additionalHosts: additionalHosts, bridge: bridgeName,
                table: tableName)
        return settings
    }
}
