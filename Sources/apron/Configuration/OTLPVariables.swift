internal import OTLPExport
internal import Telemetry

/// The `OTEL_EXPORTER_OTLP_*` variables of one signal.
struct OTLPVariables {
    /// What is sent.
    let signal: OTLPSignal

    private func names(_ suffix: String) -> [String] {
        ["OTEL_EXPORTER_OTLP_\(signal.rawValue.uppercased())_\(suffix)", "OTEL_EXPORTER_OTLP_\(suffix)"]
    }

    /// Where to send to and how; nil when there is no usable endpoint, which is warned about.
    func read(_ variables: inout OTelEnvironment) -> OTLPConfiguration? {
        let transport = variables.choice(names("PROTOCOL"), OTLPConfiguration.Transport.self) ?? .protobuf
        let isInsecure = variables.isTrue(names("INSECURE"))
        guard let endpoint = endpoint(&variables, transport, isInsecure: isInsecure) else { return nil }
        var configuration = OTLPConfiguration(endpoint: endpoint, transport: transport)
        configuration.signal = signal
        configuration.headers = (variables.pairs(names("HEADERS")) ?? []).map {
            OTLPConfiguration.Header($0.key, $0.value)
        }
        readDetails(&variables, into: &configuration)
        return configuration
    }

    /// What counts for every collector, whoever named it.
    func readDetails(_ variables: inout OTelEnvironment, into configuration: inout OTLPConfiguration) {
        let compressions = OTLPConfiguration.Compression.self
        configuration.compression = variables.choice(names("COMPRESSION"), compressions) ?? .none
        let timeout = variables.number(names("TIMEOUT"), 1...Int(Int32.max)) ?? 10_000
        configuration.timeoutMilliseconds = Int64(timeout)
        configuration.certificateFile = variables.text(names("CERTIFICATE"))
        configuration.clientCertificateFile = variables.text(names("CLIENT_CERTIFICATE"))
        configuration.clientKeyFile = variables.text(names("CLIENT_KEY"))
        switch signal {
        case .traces: readBatches(&variables, into: &configuration)
        case .metrics: readMetrics(&variables, into: &configuration)
        }
    }

    private func readMetrics(_ variables: inout OTelEnvironment, into configuration: inout OTLPConfiguration) {
        if let limit = variables.number(["OTEL_METRIC_EXPORT_TIMEOUT"], 1...Int(Int32.max)) {
            configuration.timeoutMilliseconds = min(configuration.timeoutMilliseconds, Int64(limit))
        }
        let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
        if let wanted = variables.choice([preference], Temporality.self) { configuration.temporality = wanted }
        // It would change the form of the numbers, so nobody is left to wonder.
        let (aggregation, only) = (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"
        )
        if let word = variables.text(aggregation)?.lowercased(), word != only {
            variables.warn(aggregation, "is ignored: metrics are sent as \(only) alone")
        }
    }

    private func readBatches(_ variables: inout OTelEnvironment, into configuration: inout OTLPConfiguration) {
        func number(_ suffix: String) -> Int? { variables.number(["OTEL_BSP_\(suffix)"], 1...Int(Int32.max)) }
        if let delay = number("SCHEDULE_DELAY") { configuration.delayMilliseconds = Int64(delay) }
        if let queue = number("MAX_QUEUE_SIZE") { configuration.queueSpans = min(queue, Self.queueMax) }
        if let batch = number("MAX_EXPORT_BATCH_SIZE") { configuration.batchSpans = batch }
        if let limit = number("EXPORT_TIMEOUT") {
            configuration.timeoutMilliseconds = min(configuration.timeoutMilliseconds, Int64(limit))
        }
        if configuration.batchSpans > configuration.queueSpans {
            variables.warn("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "is more than the queue holds, and is made as small")
            configuration.batchSpans = configuration.queueSpans
        }
    }

    /// A longer queue would hold more memory than the spans that are kept for looking at.
    private static let queueMax = 1 << 20

    private func endpoint(
        _ variables: inout OTelEnvironment, _ transport: OTLPConfiguration.Transport, isInsecure: Bool
    ) -> Endpoint? {
        let all = names("ENDPOINT")
        let name = all.first { variables.has($0) }
        // The name for one signal is the whole address, the general one is what the signal's path is appended to.
        let isBase = name != all[0]
        let text = name.flatMap { variables.text($0) } ?? (transport == .grpc ? Self.standardGRPC : Self.standardHTTP)
        do {
            return try Endpoint(text, transport: transport, isBase: isBase, signal: signal, isInsecure: isInsecure)
        } catch {
            variables.warn(name ?? all[0], "is ignored, and nothing is sent: \(error.description)")
            return nil
        }
    }

    private static let standardHTTP = "http://localhost:4318"
    private static let standardGRPC = "http://localhost:4317"
}
