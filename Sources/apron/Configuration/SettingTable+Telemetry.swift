/// The settings of logs and traces.
extension SettingTable {
    static let telemetry: [Setting] = [
        .stock(
            "log-level", .choice(["debug", "info", "warn", "warning", "error", "fatal"]), "info", .telemetry,
            "least severe lines to log; SIGHUP switches to debug and back"),
        .own(
            "trace-output", .choice(["none", "text", "otlp-json"]), "none", .telemetry,
            "write spans as they end: a readable line each, or OTLP JSON, one object a line"),
        .own("trace-file", .path("FILE"), nil, .telemetry, "append traces to this file (default: standard error)"),
        .own(
            "trace-detail", .choice(["groups", "syscalls"]), "groups", .telemetry,
            "spans of container set-up: six groups, or every system call"),
        .own(
            "trace-process-parent", .boolean, "false", .telemetry,
            "TRACEPARENT of programs names the worker's span of the program, not the orchestrator's of the step"),
        // Other than in the stock worker, whose default makes workers look like the web node.
        .stock("tracing-service-name", .text("NAME"), nil, .telemetry, "service.name of traces (default: apron)"),
        .stock(
            "tracing-attribute", .map(secret: false), nil, .telemetry,
            "attribute of all that is exported, key:value or key=value; repeatable"),
        .stock(
            "tracing-otlp-address", .text("HOST:PORT"), nil, .telemetry,
            "send traces to this collector by OTLP over gRPC"),
        .stock(
            "tracing-otlp-header", .map(secret: true), nil, .telemetry,
            "header for the collector, key:value or key=value; repeatable"),
        .stock("tracing-otlp-use-tls", .boolean, "false", .telemetry, "encrypt the connection to the collector"),
        .stock(
            "tracing-honeycomb-api-key", .secret("KEY"), nil, .telemetry,
            "send traces to Honeycomb; needs the dataset too"),
        .stock("tracing-honeycomb-dataset", .text("NAME"), nil, .telemetry, "Honeycomb's dataset"),
        .stock(
            "tracing-jaeger-endpoint", .text("URL"), nil, .telemetry,
            "send traces to Jaeger, by OTLP to port 4318 where the URL is that of its Thrift collector"),
        .stock(
            "tracing-jaeger-tags", .map(secret: false), nil, .telemetry,
            "attribute of all that is sent to Jaeger; repeatable"),
        .stock(
            "tracing-jaeger-service", .text("NAME"), nil, .telemetry,
            "service.name at Jaeger, unless --tracing-service-name is given"),
        .idle(
            "tracing-stackdriver-projectid", .text("ID"), nil, .telemetry,
            because: "Google Cloud Trace wants Google's own credentials; send OTLP to a collector that has them"),
    ]

    /// Names that documents have and programs had, by variable, with the flag that is meant.
    static let aliases = [
        "CONCOURSE_TRACING_OTLP_HEADERS": "tracing-otlp-header",
        "CONCOURSE_TRACING_ATTRIBUTES": "tracing-attribute",
        "CONCOURSE_TRACING_HONEYCOMB_SERVICE_NAME": "tracing-service-name",
    ]
}
