internal import OTLPExport
internal import Telemetry

/// What is recorded and where it goes, from flags, `CONCOURSE_TRACING_*` and `OTEL_*`; plain values.
///
/// Nothing is exported unless somebody asks for it: by a flag or variable of tracing, by an OTLP endpoint, or by
/// naming an exporter. A flag beats its variable, and both beat `OTEL_*`.
struct TelemetrySettings: Sendable {
    /// OTEL_SDK_DISABLED: nothing is recorded; contexts are still passed on.
    var isDisabled = false
    /// Where spans go.
    var traces: [Destination] = []
    /// Where metrics go from time to time; they can be asked for in any case.
    var metrics: [MetricsDestination] = []
    /// How often metrics are sent, in milliseconds (OTEL_METRIC_EXPORT_INTERVAL).
    var metricsIntervalMilliseconds = 60_000
    /// Which traces are exported.
    var sampler = Sampler(.always)
    /// How much one span may hold.
    var limits = SpanLimits()
    /// What is taken from callers and passed on.
    var propagation = Propagation.all
    /// What is said about the process by settings; the values win over what is found out.
    var resource = Resource([])
    /// What the operator should know about the settings, without secrets.
    var notices: [String] = []
    /// The `OTEL_*` variables that are set, secrets hidden.
    var variables: [(name: String, value: String)] = []

    /// Where spans go.
    enum Destination: Sendable {
        /// Lines to a file, or to a standard stream.
        case lines(LineExporter.Format, Output)
        /// A collector.
        case otlp(OTLPConfiguration)
    }

    /// Where metrics go.
    enum MetricsDestination: Sendable {
        /// Text to standard output.
        case lines(MetricsLines.Format)
        /// A collector.
        case otlp(OTLPConfiguration)
    }

    /// Where lines are written.
    enum Output: Sendable, Hashable {
        case file(String)
        case standardOutput
        case standardError
    }

    /// The collectors among the destinations.
    var collectors: [OTLPConfiguration] {
        traces.compactMap { if case .otlp(let configuration) = $0 { configuration } else { nil } }
    }
}

extension TelemetrySettings {
    /// Reads the settings.
    /// - Parameters:
    ///   - values: flags and their variables
    ///   - environment: all variables; only `OTEL_*` are looked at
    /// - Throws: ``UsageError`` for flags that cannot be, and for OTEL_CONFIG_FILE
    init(_ values: SettingValues, environment: [String: String]) throws(UsageError) {
        var variables = OTelEnvironment(environment)
        if variables.has("OTEL_CONFIG_FILE") {
            throw UsageError(
                "OTEL_CONFIG_FILE is not supported, and with it all other OTEL_* variables would count for nothing; "
                    + "unset it and use them")
        }
        isDisabled = variables.isTrue(["OTEL_SDK_DISABLED"])
        let backend = try TracingBackend(values, &variables)
        readSpans(&variables)
        readResource(values, &variables, backend)
        if !isDisabled {
            traces = try Self.lines(values) + Self.exporters(&variables, backend)
            readMetrics(&variables)
        }
        notices = (backend?.notices ?? []) + variables.warnings
        self.variables = variables.shown
    }

    private mutating func readSpans(_ variables: inout OTelEnvironment) {
        if let name = variables.text("OTEL_TRACES_SAMPLER") {
            let share = variables.share("OTEL_TRACES_SAMPLER_ARG") ?? 1
            if let known = Sampler(name: name, ratio: share) {
                sampler = known
            } else {
                variables.warn(
                    "OTEL_TRACES_SAMPLER",
                    "is ignored: it must be one of \(Sampler.names.sorted().joined(separator: ", "))")
            }
        }
        func limit(_ names: String..., into limit: inout Int) {
            if let number = variables.number(names.map { "OTEL_\($0)_LIMIT" }, 0...Int.max) { limit = number }
        }
        limit("SPAN_ATTRIBUTE_COUNT", "ATTRIBUTE_COUNT", into: &limits.attributes)
        limit("SPAN_ATTRIBUTE_VALUE_LENGTH", "ATTRIBUTE_VALUE_LENGTH", into: &limits.valueBytes)
        limit("SPAN_EVENT_COUNT", into: &limits.events)
        limit("SPAN_LINK_COUNT", into: &limits.links)
        limit("EVENT_ATTRIBUTE_COUNT", "ATTRIBUTE_COUNT", into: &limits.attributesPerEvent)
        limit("LINK_ATTRIBUTE_COUNT", "ATTRIBUTE_COUNT", into: &limits.attributesPerLink)
        guard let words = variables.words("OTEL_PROPAGATORS") else { return }
        propagation = []
        for word in words {
            switch word {
            case "tracecontext": propagation.insert(.traceContext)
            case "baggage": propagation.insert(.baggage)
            case "none": break
            default: variables.warn("OTEL_PROPAGATORS", "names '\(word)', which is not known")
            }
        }
    }

    private mutating func readResource(
        _ values: SettingValues, _ variables: inout OTelEnvironment, _ backend: TracingBackend?
    ) {
        var attributes: [Attribute] = []
        func add(_ key: String, _ value: String) {
            attributes.append(Attribute(AttributeKey(composed: key), .string(value)))
        }
        for (key, value) in variables.pairs(["OTEL_RESOURCE_ATTRIBUTES"]) ?? [] { add(key, value) }
        if let name = variables.text("OTEL_SERVICE_NAME") { add("service.name", name) }
        for (key, value) in values.pairs("tracing-attribute") { add(key, value) }
        for (key, value) in backend?.attributes ?? [] { add(key, value) }
        if let name = values.text("tracing-service-name") { add("service.name", name) }
        resource = Resource(attributes)
    }

    private static func lines(_ values: SettingValues) throws(UsageError) -> [Destination] {
        let output = values.text("trace-file").map(Output.file) ?? .standardError
        switch values.value("trace-output", WorkerConfiguration.TraceOutput.init) {
        case .none: return []
        case .text: return [.lines(.text, output)]
        case .otlpJSON: return [.lines(.json, output)]
        }
    }

    /// A backend of the stock worker's flags, else what the variables ask for.
    private static func exporters(_ variables: inout OTelEnvironment, _ backend: TracingBackend?) -> [Destination] {
        let named = variables.words("OTEL_TRACES_EXPORTER")
        let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
        if let backend {
            for name in ["OTEL_TRACES_EXPORTER"] + endpoints where variables.has(name) {
                variables.warn(name, "has no effect beside \(backend.flag)")
            }
            return [.otlp(backend.configuration)]
        }
        var wanted = named ?? []
        if named == nil, variables.text(endpoints) != nil { wanted = ["otlp"] }
        if wanted.contains("none") { return [] }
        var destinations: [Destination] = []
        for word in wanted {
            switch word {
            case "otlp": OTLPVariables(signal: .traces).read(&variables).map { destinations.append(.otlp($0)) }
            case "console": destinations.append(.lines(.text, .standardOutput))
            case "otlp/stdout": destinations.append(.lines(.json, .standardOutput))
            case "zipkin": variables.warn("OTEL_TRACES_EXPORTER", "names zipkin, which is not supported; send OTLP")
            default: variables.warn("OTEL_TRACES_EXPORTER", "names '\(word)', which is not known")
            }
        }
        return destinations
    }

    private mutating func readMetrics(_ variables: inout OTelEnvironment) {
        if variables.words("OTEL_LOGS_EXPORTER")?.contains(where: { $0 != "none" }) == true {
            variables.warn("OTEL_LOGS_EXPORTER", "has no effect: the log is written as lines of JSON")
        }
        var wanted = variables.words("OTEL_METRICS_EXPORTER")
        // The endpoint for all signals does not ask for metrics: many a tracing backend takes none.
        if wanted == nil, variables.has("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") { wanted = ["otlp"] }
        for name in ["OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"] where variables.has(name) {
            variables.warn(name, "has no effect: --operations-bind-ip and --operations-bind-port say where /metrics is")
        }
        for word in wanted ?? [] where wanted?.contains("none") == false {
            switch word {
            case "otlp": OTLPVariables(signal: .metrics).read(&variables).map { metrics.append(.otlp($0)) }
            case "console": metrics.append(.lines(.text))
            case "otlp/stdout": metrics.append(.lines(.json))
            case "prometheus": break
            default: variables.warn("OTEL_METRICS_EXPORTER", "names '\(word)', which is not known")
            }
        }
        let interval = variables.number(["OTEL_METRIC_EXPORT_INTERVAL"], 1...Int(Int32.max))
        metricsIntervalMilliseconds = interval ?? metricsIntervalMilliseconds
    }
}
