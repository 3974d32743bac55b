internal import Kernel
internal import Logging
internal import ServiceLifecycle
internal import Telemetry
internal import UnixSignals
internal import Worker

/// The start of `apron run`, in its order.
struct RunStart {
    private let command: RunCommand
    private let environment: [String: String]

    init(_ command: RunCommand, environment: [String: String]) {
        self.command = command
        self.environment = environment
    }

    /// Ends with the program's exit code.
    func run() async throws -> Int32 {
        // 1. What is wrong with the request is said before anything is made.
        let size = [StandardStream.input, .output].lazy.compactMap(\.windowSize).first
        let request = try command.request(environment: environment, size: size)
        LineLogHandler.bootstrap(level: command.logLevel, stream: .error, provider: .traceContext)
        try HostPreparation.requireRoot()

        // 2. Signals, before there is anything that one could leave behind; each takes two threads' time to arrange for.
        let trapped: [UnixSignal] = [.sigint, .sigterm, .sighup, .sigquit] + (command.tty ? [.sigwinch] : [])
        async let trapping = UnixSignalsSequence(trapping: trapped)

        // 3. A work directory of its own, with what a killed run may have left in it.
        let claim = try HostPreparation.claimRun(under: command.workDirectory)
        let configuration = try configuration(workDirectory: claim.path)
        let signals = await trapping
        let tracing = Logger(label: "apron.telemetry")
        for notice in configuration.telemetry.notices { tracing.warning("\(notice)") }
        try TelemetryStart.configure(configuration.telemetry, workerName: configuration.name, logger: tracing)
        let trace = RunTrace.begin(traceparent: command.traceparent, environment: environment)
        let result: Result<Int32, any Error>
        do {
            result = .success(
                try await TraceContext.$current.withValue(trace.span.context) {
                    try await session(configuration, request, trace.programEnvironment, signals)
                })
        } catch { result = .failure(error) }
        claim.giveUp()

        // 4. What it took, once everything is over.
        if case .failure(let error) = result { trace.end(failure: error) } else { trace.end(failure: nil) }
        if command.timing {
            let picture = TelemetryStart.waterfall(of: trace.span.context.traceID, on: .error)
            try? StandardStream.error.write(picture)
        }
        TelemetryStart.finish()
        return try result.get()
    }

    private func session(
        _ configuration: WorkerConfiguration, _ request: RunRequest, _ traceEnvironment: [String],
        _ signals: UnixSignalsSequence
    ) async throws -> Int32 {
        let logger = Logger(label: "apron.run")
        let parts = try makeWorker(configuration, network: command.network == .none ? .none : .shared, logger: logger)
        try await parts.recover()
        for handle in try await parts.containers.list([:]) { try await parts.containers.destroy(handle) }

        // Without services there is no group: an empty one ends at once.
        let group = parts.services.isEmpty ? nil : ServiceGroup(services: parts.services, logger: logger)
        let services = Task { try await group?.run() }
        let session = RunSession(
            containers: parts.containers, input: .input, output: .output, error: .error, signals: signals,
            logger: logger, usesTerminal: command.tty && StandardStream.input.isTerminal)
        let result: Result<Int32, any Error>
        do {
            var process = request.process(callersEnvironment: environment)
            process.environment = traceEnvironment + process.environment
            let container = request.container(workingDirectory: try CurrentProcess.workingDirectory())
            result = .success(try await session.run(container, process))
        } catch { result = .failure(error) }
        await group?.triggerGracefulShutdown()
        try await services.value
        try await parts.finish()
        return try result.get()
    }

    /// The worker's settings for one run: the defaults, Apron's own variables, and those of OpenTelemetry.
    private func configuration(workDirectory: String) throws -> WorkerConfiguration {
        let own = environment.filter {
            $0.key.hasPrefix("OTEL_") || $0.key.hasPrefix("APRON_") && $0.key != "APRON_WORK_DIR"
        }
        var configuration = try WorkerConfiguration(
            arguments: ["--work-dir", workDirectory], environment: own, hostName: CurrentProcess.hostName)
        configuration.logLevel = command.logLevel
        configuration.initProgram = try HostPreparation.initProgram(given: configuration.initProgram)
        return configuration
    }
}
