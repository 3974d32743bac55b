internal import Kernel
internal import Logging
internal import ServiceLifecycle
internal import Telemetry
internal import UnixSignals
internal import Worker

/// The start of `apron baggageclaim`, in its order.
struct BaggageclaimStart {
    private let command: BaggageclaimCommand

    init(_ command: BaggageclaimCommand) { self.command = command }

    /// What clients and tests of the stock server look for in its log.
    private static let announcement = "baggageclaim.listening"

    /// Serves until a signal ends it. Volumes stay mounted.
    /// - Throws: why it could not start, or what ended it.
    func run() async throws {
        // 1. The log, so that everything below can say something.
        LineLogHandler.bootstrap(level: command.logLevel, stream: .output, provider: .traceContext)
        let logger = Logger(label: "apron")
        var configuration = try command.settings()
        logger.info("apron \(Apron.version) starts", metadata: ["volumes": "\(command.volumes)"])
        for ignored in command.ignored {
            logger.warning(
                "setting has no effect", metadata: ["flag": "\(ignored.flag)", "reason": "\(ignored.reason)"])
        }
        configuration.warnIfOpen(logger)

        // 2. The host: one server alone owns the directory.
        try HostPreparation.requireRoot()
        HostPreparation.raiseOpenFileLimit(logger)
        let initProgram = try HostPreparation.initProgram(given: command.initProgram)
        configuration.archiveProgram = try HostPreparation.archiveProgram(given: command.archiveProgram)
        let claim = try HostPreparation.claim(command.volumes)

        // 3. Traces and the volumes. Connections are refused until all is as it was.
        let environment = try CurrentProcess.environment()
        let telemetry = try TelemetrySettings(
            SettingValues(arguments: [], environment: [:]), environment: environment)
        let tracing = Logger(label: "apron.telemetry")
        for notice in telemetry.notices { tracing.warning("\(notice)") }
        if !telemetry.metrics.isEmpty { tracing.warning("metrics are sent by 'apron worker' alone") }
        try TelemetryStart.configure(telemetry, workerName: CurrentProcess.hostName, logger: tracing)
        defer { TelemetryStart.finish() }
        var settings = configuration.settings(directory: command.volumes)
        settings.attachesAtPath = true
        let volumes = try VolumeService(settings, initPath: initProgram, disabledFeatures: command.disable)
        try await recoverVolumes(volumes, logger: Logger(label: "apron.volumes"))

        // 4. The API, until a signal comes.
        let server = try makeVolumeServer(
            configuration, volumes, announcement: Self.announcement, logger: Logger(label: "apron.volumes"))
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let group = ServiceGroupConfiguration(
            services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        try await ServiceGroup(configuration: group).run()
        await volumes.stop()
        try await BlockingExecutor.run { try volumes.tearDown() }
        logger.info("stopped; volumes stay mounted")
        claim.giveUp()
    }
}
