internal import Kernel
internal import Logging
internal import Runtime
internal import ServiceLifecycle
internal import Worker

/// What the wiring needs of the worker's domain.
struct WorkerParts: Sendable {
    /// The containers that the API and `apron run` use.
    let containers: any Containers
    /// What runs beside them for as long as they are used; stopped after the API.
    var services: [any Service] = []
    /// Finds and adopts, finishes or undoes what an earlier process left in the work directory. To be awaited before the
    /// first use of ``containers``.
    var recover: @Sendable () async throws -> Void = {}
}

/// Makes the worker's domain from its settings and says in the log what it found on this host.
///
/// The work directory exists and is locked by this process.
func makeWorker(_ configuration: WorkerConfiguration, logger: Logger) throws -> WorkerParts {
    let service = try ContainerService(configuration.workerSettings())
    let notes = try service.startupNotes()
    for line in notes.features { logger.info("kernel feature", metadata: ["feature": "\(line)"]) }
    for line in notes.warnings { logger.warning("\(line)") }
    return WorkerParts(containers: service, services: [StopNotice(service: service)]) {
        let report = try await withTaskExecutorPreference(BlockingExecutor.shared) { try service.recover() }
        for failure in report.failures { logger.error("recovery: \(failure)") }
        logger.info(
            "recovered",
            metadata: [
                "adopted": "\(report.adopted.count)", "lost": "\(report.lost.count)",
                "undone": "\(report.undone.count)",
            ])
    }
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
    /// The settings as the worker's domain takes them.
    fileprivate func workerSettings() throws -> WorkerSettings {
        var settings = WorkerSettings(workDirectory: workDirectory, initPath: initProgram ?? "")
        settings.containersMax = maxContainers
        settings.defaultRootfs = defaultRootfs
        settings.compatibility = compatibility
        settings.privilegedMode = WorkerSettings.PrivilegedMode(rawValue: privilegedMode.rawValue) ?? .full
        settings.allowedDevices = allowedDevices
        settings.seccompProfile = nil
        settings.showsEveryStep = traceDetail == .syscalls
        settings.disabledFeatures = try CurrentProcess.environment()["APRON_DISABLE"] ?? ""
        settings.leasesDirectory = "/run/apron/\(bridgeName)"
        settings.network = NetworkConfiguration(
            pool: networkPool, mtu: mtu.map { UInt32($0) },
            restrictedNetworks: restrictedNetworks.compactMap { CIDR("\($0)") }, allowHostAccess: allowHostAccess,
            dnsServers: dnsServers.map(\.description), additionalHosts: additionalHosts, bridge: bridgeName, table: bridgeName)
        return settings
    }
}
