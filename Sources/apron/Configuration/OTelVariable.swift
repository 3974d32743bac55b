/// A variable of OpenTelemetry that is understood, for the help and the documentation.
struct OTelVariable: Sendable {
    /// The name; several that go together have their ends after a comma.
    let name: String
    /// What it does here.
    let help: String

    /// All of them, in the order of the help.
    static let all = [
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_ENDPOINT",
            help: "send traces by OTLP to this base URL, such as http://localhost:4318 (v1/traces is appended); "
                + "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used as it is"),
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_PROTOCOL", help: "http/protobuf (default), http/json or grpc"),
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_HEADERS", help: "headers for the collector, key=value,key=value, percent-encoded"),
        OTelVariable(name: "OTEL_EXPORTER_OTLP_COMPRESSION", help: "none (default) or gzip"),
        OTelVariable(name: "OTEL_EXPORTER_OTLP_TIMEOUT", help: "milliseconds for one export (default: 10000)"),
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_CERTIFICATE",
            help: "PEM file of the authorities to trust; with _CLIENT_CERTIFICATE and _CLIENT_KEY for mutual TLS"),
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_INSECURE", help: "true: no encryption for a gRPC endpoint without scheme"),
        OTelVariable(
            name: "OTEL_TRACES_EXPORTER",
            help: "otlp, console, otlp/stdout or none; several with commas; otlp alone sends to localhost"),
        OTelVariable(
            name: "OTEL_METRICS_EXPORTER",
            help: "otlp sends metrics too, to OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or v1/metrics below the base URL; "
                + "also console, otlp/stdout, none, and prometheus, which is /metrics"),
        OTelVariable(
            name: "OTEL_METRIC_EXPORT_INTERVAL",
            help: "milliseconds between metrics (default: 60000); also OTEL_METRIC_EXPORT_TIMEOUT (30000)"),
        OTelVariable(
            name: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            help: "cumulative (default), delta or lowmemory: counters and histograms since the start of the worker, or "
                + "since the metrics before; lowmemory: counters that are not Apron's own since the start"),
        OTelVariable(
            name: "OTEL_TRACES_SAMPLER",
            help: "parentbased_always_on (default), parentbased_always_off, parentbased_traceidratio, always_on, "
                + "always_off or traceidratio; OTEL_TRACES_SAMPLER_ARG is the ratio"),
        OTelVariable(name: "OTEL_SERVICE_NAME", help: "service.name of what is exported (default: apron)"),
        OTelVariable(
            name: "OTEL_RESOURCE_ATTRIBUTES", help: "attributes of all that is exported, key=value,key=value"),
        OTelVariable(name: "OTEL_PROPAGATORS", help: "tracecontext,baggage (default), one of them, or none"),
        OTelVariable(
            name: "OTEL_BSP_SCHEDULE_DELAY",
            help: "milliseconds between exports (default: 5000); also OTEL_BSP_EXPORT_TIMEOUT, _MAX_QUEUE_SIZE (2048), "
                + "_MAX_EXPORT_BATCH_SIZE (512)"),
        OTelVariable(
            name: "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            help: "most attributes of a span (default: 128); also _ATTRIBUTE_VALUE_LENGTH_LIMIT in bytes (16384), "
                + "_EVENT_COUNT_LIMIT, _LINK_COUNT_LIMIT, OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT, "
                + "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT and OTEL_ATTRIBUTE_…"),
        OTelVariable(name: "OTEL_SDK_DISABLED", help: "true: nothing is recorded; contexts are still passed on"),
    ]

    /// What holds for all of them.
    static let rules =
        "Traces are exported only when asked for: by a --tracing-* flag, an OTLP endpoint, or a named exporter. A flag "
        + "beats its variable, and both beat OTEL_*; OTEL_EXPORTER_OTLP_TRACES_* and _METRICS_* beat "
        + "OTEL_EXPORTER_OTLP_*. An empty variable is an unset one; a value that makes no sense is warned about and "
        + "ignored. OTEL_CONFIG_FILE is refused. 'apron trace check' tells whether the collector takes spans."
}
