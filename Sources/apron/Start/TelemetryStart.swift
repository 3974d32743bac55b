internal import Kernel
internal import Logging
internal import OTLPExport
internal import Telemetry

/// Settings of traces on their way into the telemetry, and its end.
enum TelemetryStart {
    /// How long the last spans may take to be written.
    private static let flushMilliseconds: Int32 = 5000

    /// Takes up tracing.
    /// - Parameters:
    ///   - settings: what is recorded and where it goes
    ///   - workerName: the worker's name on every span
    ///   - spoolDirectory: where spans are kept that could not be sent; nil keeps them in memory alone
    ///   - logger: told what keeps a collector from being used; the worker works without it
    /// - Returns: the exporters that send to collectors
    /// - Throws: what opening the trace file said
    @discardableResult
    static func configure(
        _ settings: TelemetrySettings, workerName: String, spoolDirectory: String? = nil, logger: Logger
    ) throws(KernelError) -> [OTLPExporter] {
        var telemetry = Telemetry.Configuration()
        telemetry.recordsSpans = !settings.isDisabled
        telemetry.sampler = settings.sampler
        telemetry.limits = settings.limits
        telemetry.propagation = settings.propagation
        telemetry.resource = resource(settings, workerName: workerName)
        var collectors: [OTLPExporter] = []
        for destination in settings.traces {
            switch destination {
            case .lines(let format, let output):
                telemetry.exporters.append(LineExporter(format, to: try writer(output)))
            case .otlp(var configuration):
                configuration.userAgent = userAgent
                configuration.spool = spoolDirectory.map { OTLPConfiguration.Spool(directory: $0) }
                do {
                    let exporter = try OTLPExporter(configuration, logger: logger)
                    collectors.append(exporter)
                    telemetry.exporters.append(exporter)
                    logger.info("traces are sent", metadata: ["collector": "\(configuration)"])
                } catch {
                    logger.error("traces are not sent: \(error)", metadata: ["collector": "\(configuration)"])
                }
            }
        }
        try Telemetry.configure(telemetry)
        return collectors
    }

    /// Everything known about this process: settings win over what is found out.
    static func resource(_ settings: TelemetrySettings, workerName: String) -> Resource {
        let worker = Resource([
            Attribute("cicd.worker.id", .string(workerName)), Attribute("cicd.worker.name", .string(workerName)),
        ])
        return Resource.detected(version: Apron.version).overlaid(by: worker).overlaid(by: settings.resource)
    }

    /// How exporters call themselves.
    static let userAgent = "apron/\(Apron.version)"

    private static func writer(_ output: TelemetrySettings.Output) throws(KernelError) -> LineWriter {
        switch output {
        case .file(let path): try LineWriter(appendingTo: path)
        case .standardOutput: LineWriter(.output)
        case .standardError: LineWriter(.error)
        }
    }

    /// Writes what was not written yet. It blocks, so it comes last of all.
    static func finish() {
        // A trace that cannot be written must not change how the program ends.
        _ = try? Telemetry.shutdown(milliseconds: flushMilliseconds)
    }

    /// Where the time of a trace went, as wide as the terminal.
    static func waterfall(of trace: TraceID, on stream: StandardStream) -> String {
        let style = Waterfall.Style(
            columns: stream.terminalSize.map { Int($0.columns) } ?? columnsWithoutTerminal,
            isColoured: stream.isTerminal)
        return Waterfall(style).draw(Telemetry.store.spans(trace: trace))
    }

    /// What fits into most viewers of logs.
    private static let columnsWithoutTerminal = 100
}

extension WorkerConfiguration {
    /// Where spans are kept that could not be sent yet.
    var spanSpoolDirectory: String { workDirectory + "/spans" }
}
