internal import Kernel
internal import Telemetry

/// Settings of traces on their way into the telemetry, and its end.
enum TelemetryStart {
    /// How long the last spans may take to be written.
    private static let flushMilliseconds: Int32 = 5000

    /// Takes up tracing.
    /// - Throws: what opening the trace file said
    static func configure(_ configuration: WorkerConfiguration) throws(KernelError) {
        var telemetry = Telemetry.Configuration()
        telemetry.resource = Resource(
            serviceVersion: Apron.version, hostName: CurrentProcess.hostName, workerName: configuration.name)
        if let format = configuration.traceOutput.format {
            let writer: LineWriter
            if let file = configuration.traceFile {
                writer = try LineWriter(appendingTo: file)
            } else {
                writer = LineWriter(.error)
            }
            telemetry.exporters = [LineExporter(format, to: writer)]
        }
        try Telemetry.configure(telemetry)
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

extension WorkerConfiguration.TraceOutput {
    fileprivate var format: LineExporter.Format? {
        switch self {
        case .none: nil
        case .text: .text
        case .otlpJSON: .json
        }
    }
}
