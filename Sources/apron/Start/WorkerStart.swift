internal import Kernel
internal import Logging
internal import ServiceLifecycle
internal import Telemetry
internal import UnixSignals
internal import Worker

/// The start of `apron worker`, in its order; each step may rely on those above it.
struct WorkerStart {
    private let configuration: WorkerConfiguration

    init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

    /// Starts the worker and serves until a signal ends it. Containers keep running afterwards.
    /// - Throws: why it could not start, or what ended it.
    func run() async throws {
        // 1. The log, so that everything below can say something.
        LineLogHandler.bootstrap(
            level: configuration.logLevel, stream: .output, provider: .traceContext)
        let logger = Logger(label: "apron")
        report(to: logger)

        // 2. Signals that would end the process by default and come in repeatedly while a deployment drains.
        let drainSignals = await UnixSignalsSequence(trapping: .sigusr1, .sigusr2)
        let levelSignals = await UnixSignalsSequence(trapping: .sighup)

        // 3. The host: nothing is changed yet, and one worker alone owns the directory.
        try HostPreparation.requireRoot()
        HostPreparation.raiseOpenFileLimit(logger)
        var configuration = configuration
        configuration.initProgram = try HostPreparation.initProgram(given: configuration.initProgram)
        configuration.volumes.archiveProgram = try HostPreparation.archiveProgram(
            given: configuration.volumes.archiveProgram)
        let claim = try HostPreparation.claim(configuration.workDirectory)

        // 4. Metrics and traces, so that the recovery is in them.
        MetricsStart.begin(configuration)
        let collectors = try TelemetryStart.configure(
            configuration.telemetry, workerName: configuration.name, spoolDirectory: configuration.spanSpoolDirectory,
            logger: Logger(label: "apron.telemetry"))
        var readers: [MetricsReader] = []
        defer {
            TelemetryStart.finish()
            // Last of all, so that they say what became of the last spans.
            MetricsStart.finish(readers)
        }

        // 5. The domain, and what an earlier worker left behind. Connections are refused until this is done.
        let parts = try await traced(.workerStart) { _ in
            let parts = try makeWorker(configuration, logger: Logger(label: "apron.worker"))
            try await parts.recover()
            return parts
        }

        MetricsStart.addSources(configuration, worker: parts.metrics, collectors: collectors)
        readers = MetricsStart.readers(configuration.telemetry, logger: Logger(label: "apron.telemetry"))

        // 6. Services end in the reverse order: the API first, then what its requests use.
        var servers = [try makeServer(configuration, parts, logger: Logger(label: "apron.api"))]
        if let volumes = parts.volumes {
            servers.append(
                try makeVolumeServer(configuration.volumes, volumes, logger: Logger(label: "apron.volumes")))
        }
        if let page = makeOperationsServer(configuration, parts, logger: Logger(label: "apron.operations")) {
            servers.append(page)
        }
        let drain = DrainSignals(signals: drainSignals, logger: logger)
        let level = LogLevelSignal(
            signals: levelSignals, configured: configuration.logLevel.level, logger: logger)
        var group = ServiceGroupConfiguration(
            services: parts.services + [drain, level] + servers + parts.notices,
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet(logger))
        group.maximumGracefulShutdownDuration = Self.shutdownMax
        try await ServiceGroup(configuration: group).run()
        do { try await parts.finish() } catch { logger.warning("network or mounts stay: \(error)") }
        logger.info("stopped; containers keep running")
        claim.giveUp()
    }

    /// Longer than the API gives its requests to finish.
    private static let shutdownMax = Duration.seconds(20)

    /// The resolved settings once, and once each what has no effect.
    private func report(to logger: Logger) {
        var fields: Logger.Metadata = [:]
        for setting in configuration.summary where !setting.value.isEmpty { fields[setting.name] = "\(setting.value)" }
        logger.info("apron \(Apron.version) starts", metadata: fields)
        for ignored in configuration.ignored {
            logger.warning(
                "setting has no effect", metadata: ["flag": "\(ignored.flag)", "reason": "\(ignored.reason)"])
        }
        for notice in configuration.telemetry.notices { logger.warning("\(notice)") }
        for variable in configuration.unknownVariables {
            logger.warning("environment variable is unknown", metadata: ["variable": "\(variable)"])
        }
        if !configuration.bindAddress.isLoopback {
            logger.warning(
                "the Garden API is open to the network, and whoever reaches it is root here",
                metadata: ["bind-ip": "\(configuration.bindAddress)"])
        }
        configuration.volumes.warnIfOpen(logger)
    }

    /// The library tells each service's start and end; that is for debugging.
    private func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// Takes the signals by which a cluster's deployments let workers land and retire. They come again and again until the
/// process is gone, so they must be harmless.
struct DrainSignals: Service {
    let signals: UnixSignalsSequence
    let logger: Logger

    func run() async {
        for await signal in signals.cancelOnGracefulShutdown() {
            let wish = signal == .sigusr1 ? "land" : "retire"
            logger.warning("this worker is in no cluster and cannot \(wish)", metadata: ["signal": "\(signal)"])
        }
    }
}
