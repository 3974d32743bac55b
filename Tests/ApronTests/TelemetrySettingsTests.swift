import OTLPExport
import Telemetry
import Testing

@testable import apron

@Suite struct TelemetrySettingsTests {
    private func settings(_ arguments: String..., environment: [String: String] = [:]) throws -> TelemetrySettings {
        try TelemetrySettings(
            SettingValues(arguments: arguments, environment: environment), environment: environment)
    }

    private func collector(_ arguments: String..., environment: [String: String] = [:]) throws -> OTLPConfiguration {
        let values = try SettingValues(arguments: arguments, environment: environment)
        let settings = try TelemetrySettings(values, environment: environment)
        return try #require(settings.collectors.first)
    }

    private func headers(_ configuration: OTLPConfiguration) -> [String] {
        configuration.headers.map { "\($0.name)=\($0.value)" }
    }

    @Test func offUnlessTold() throws {
        for environment in [
            [:], ["OTEL_SERVICE_NAME": "x"], ["OTEL_TRACES_SAMPLER": "always_on"], ["OTEL_EXPORTER_OTLP_ENDPOINT": ""],
            ["OTEL_TRACES_EXPORTER": ""],
            ["OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"],
            ["OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"],
        ] { #expect(try settings(environment: environment).traces.isEmpty, "\(environment)") }
        #expect(try settings(environment: ["OTEL_SDK_DISABLED": "true"]).isDisabled)
        #expect(try collector(environment: ["OTEL_TRACES_EXPORTER": "otlp"]).endpoint.port == 4318)
        #expect(try collector("--tracing-otlp-address", "a:4317").transport == .grpc)
    }

    @Test(arguments: [
        (["ENDPOINT": "http://a:4318"], "http://a:4318/v1/traces"),
        (["ENDPOINT": "http://a/x/"], "http://a:80/x/v1/traces"),
        (["TRACES_ENDPOINT": "http://a:1"], "http://a:1/"), (["TRACES_ENDPOINT": "https://a/x"], "https://a:443/x"),
        (["TRACES_ENDPOINT": "http://a:1/p", "ENDPOINT": "http://b:2"], "http://a:1/p"),
        (["ENDPOINT": "http://a:1", "PROTOCOL": "grpc"], "http://a:1/"),
        (["ENDPOINT": "a:1", "PROTOCOL": "GRPC", "INSECURE": "true"], "http://a:1/"),
        (["ENDPOINT": "a:1", "TRACES_PROTOCOL": "grpc", "PROTOCOL": "http/json"], "https://a:1/"),
    ]) func endpoints(_ variables: [String: String], _ endpoint: String) throws {
        let environment = Dictionary(uniqueKeysWithValues: variables.map { ("OTEL_EXPORTER_OTLP_" + $0, $1) })
        #expect(try collector(environment: environment).endpoint.description == endpoint)
    }

    @Test func details() throws {
        let found = try collector(environment: [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://a:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b, y=c=d", "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "700",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/c",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/k", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "10",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
        ])
        #expect(found.transport == .json && found.compression == .gzip && found.timeoutMilliseconds == 700)
        #expect(headers(found) == ["x-key=a b", "y=c=d"])
        #expect(found.certificateFile == "/ca" && found.clientCertificateFile == "/c" && found.clientKeyFile == "/k")
        #expect(found.delayMilliseconds == 100 && found.queueSpans == 10 && found.batchSpans == 5)
    }

    @Test(arguments: [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"), ("OTEL_TRACES_SAMPLER", "xray"), ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz"), ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"), ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "statsd"), ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
    ]) func nonsenseIsWarnedAboutAndIgnored(_ name: String, _ value: String) throws {
        let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", name: value]
        let found = try settings(environment: environment)
        #expect(found.notices.count == 1 && found.notices[0].contains(name))
        #expect(!found.notices[0].contains("hush"))
        let collector = try #require(found.collectors.first)
        let plain = try #require(
            try settings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"]).collectors.first)
        #expect(collector.description == plain.description && collector.queueSpans == plain.queueSpans)
        #expect(collector.timeoutMilliseconds == plain.timeoutMilliseconds)
        #expect(found.sampler == Sampler(.always) && found.resource == Resource([]))
    }

    @Test func unusableEndpointSendsNothing() throws {
        let found = try settings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:hush@a:1"])
        #expect(found.traces.isEmpty && found.notices.count == 1 && !"\(found)".contains("hush"))
    }

    @Test func configFileIsRefused() {
        let error = #expect(throws: UsageError.self) { try settings(environment: ["OTEL_CONFIG_FILE": "/x.yaml"]) }
        #expect(error?.description.hasPrefix("OTEL_CONFIG_FILE is not supported") == true)
    }

    @Test func samplerLimitsAndPropagators() throws {
        let found = try settings(environment: [
            "OTEL_TRACES_SAMPLER": "ParentBased_TraceIDRatio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_ATTRIBUTE_COUNT_LIMIT": "10", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "20",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100", "OTEL_SPAN_EVENT_COUNT_LIMIT": "3",
            "OTEL_SPAN_LINK_COUNT_LIMIT": "4", "OTEL_PROPAGATORS": "Baggage",
        ])
        #expect(found.notices == [])
        #expect(found.sampler == Sampler(.ratio(0.25)))
        #expect(found.limits.attributes == 20 && found.limits.attributesPerEvent == 10)
        #expect(found.limits.valueBytes == 100 && found.limits.events == 3 && found.limits.links == 4)
        #expect(found.propagation == .baggage)
        #expect(try settings(environment: ["OTEL_PROPAGATORS": "none"]).propagation == [])
    }

    @Test func resourceAttributes() throws {
        let environment = [
            "OTEL_RESOURCE_ATTRIBUTES": "service.name=a,team=blue%20sky,zone=1", "OTEL_SERVICE_NAME": "b",
        ]
        let found = try settings(environment: environment).resource
        #expect(found["service.name"] == .string("b") && found["team"] == .string("blue sky"))
        let told = try settings("--tracing-service-name=c", "--tracing-attribute=zone:2", "--tracing-attribute=x=y:z")
        #expect(told.resource["service.name"] == .string("c"))
        #expect(told.resource["zone"] == .string("2") && told.resource["x"] == .string("y:z"))
        let both = try TelemetrySettings(
            SettingValues(arguments: ["--tracing-attribute", "zone:2"], environment: [:]), environment: environment)
        let whole = TelemetryStart.resource(both, workerName: "w1")
        #expect(whole["zone"] == .string("2") && whole["service.name"] == .string("b"))
        #expect(whole["cicd.worker.name"] == .string("w1") && whole["telemetry.sdk.language"] == .string("swift"))
    }

    @Test func metricsAreOffUnlessTold() throws {
        for environment in [
            [:], ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"], ["OTEL_METRICS_EXPORTER": "none,otlp"],
            ["OTEL_METRICS_EXPORTER": "prometheus"], ["OTEL_METRIC_EXPORT_INTERVAL": "5"],
            ["OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"],
        ] { #expect(try settings(environment: environment).metrics.isEmpty, "\(environment)") }
    }

    @Test(arguments: [
        (["ENDPOINT": "http://a:1/"], "http://a:1/v1/metrics"), ([:], "http://localhost:4318/v1/metrics"),
        (["ENDPOINT": "http://a:1/x?k=1"], "http://a:1/x/v1/metrics"),
        (["METRICS_ENDPOINT": "http://a:1/x", "ENDPOINT": "http://b:2"], "http://a:1/x"),
        (["ENDPOINT": "http://a:1", "METRICS_PROTOCOL": "grpc"], "http://a:1/"),
    ]) func metricsEndpoints(_ variables: [String: String], _ endpoint: String) throws {
        var environment = Dictionary(uniqueKeysWithValues: variables.map { ("OTEL_EXPORTER_OTLP_" + $0, $1) })
        environment["OTEL_METRICS_EXPORTER"] = "otlp,prometheus"
        let found = try settings(environment: environment)
        guard case .otlp(let collector) = found.metrics.first else {
            Issue.record("\(found.metrics)")
            return
        }
        #expect(found.metrics.count == 1 && collector.endpoint.description == endpoint && collector.signal == .metrics)
        #expect(found.metricsIntervalMilliseconds == 60_000 && found.notices == [])
    }

    @Test func metricsDetails() throws {
        let found = try settings(environment: [
            "OTEL_METRICS_EXPORTER": "console, otlp/stdout,OTLP", "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_METRIC_EXPORT_TIMEOUT": "700", "OTEL_EXPORTER_OTLP_TIMEOUT": "900",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x=1", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "Cumulative",
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "explicit_bucket_histogram",
        ])
        #expect(found.notices == [] && found.metricsIntervalMilliseconds == 500 && found.metrics.count == 3)
        guard case .lines(.text) = found.metrics[0], case .lines(.json) = found.metrics[1],
            case .otlp(let collector) = found.metrics[2]
        else {
            Issue.record("\(found.metrics)")
            return
        }
        #expect(collector.timeoutMilliseconds == 700 && collector.compression == .gzip)
        #expect(headers(collector) == ["x=1"])
        // The endpoint for metrics alone asks for them.
        let asked = try settings(environment: ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a:1/m"])
        #expect(asked.metrics.count == 1 && asked.traces.isEmpty)
    }

    @Test(arguments: [
        ("Cumulative", Temporality.cumulative), ("DELTA", .delta), ("lowmemory", .lowmemory), ("", .cumulative),
    ]) func temporality(_ word: String, _ wanted: Temporality) throws {
        let found = try settings(environment: [
            "OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": word,
        ])
        guard case .otlp(let collector) = found.metrics.first else {
            Issue.record("\(found.metrics)")
            return
        }
        #expect(collector.temporality == wanted && found.notices == [])
    }

    @Test(arguments: [
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sideways", "cumulative, delta, lowmemory"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram",
            "explicit_bucket_histogram alone"
        ),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9464", "--operations-bind-port"),
    ]) func whatMetricsCannotDoIsRefused(_ name: String, _ value: String, _ reason: String) throws {
        let found = try settings(environment: ["OTEL_METRICS_EXPORTER": "otlp", name: value])
        #expect(found.metrics.count == 1)
        #expect(found.notices.count == 1 && found.notices[0].contains(name) && found.notices[0].contains(reason))
    }

    @Test func exporters() throws {
        let found = try settings(
            "--trace-output=text", "--trace-file=/t", environment: ["OTEL_TRACES_EXPORTER": "console, otlp/stdout,otlp"]
        )
        #expect(found.traces.count == 4 && found.collectors.count == 1)
        guard case .lines(.text, .file("/t")) = found.traces[0], case .lines(.text, .standardOutput) = found.traces[1],
            case .lines(.json, .standardOutput) = found.traces[2]
        else {
            Issue.record("\(found.traces)")
            return
        }
    }
}

/// The stock worker's own flags for tracing.
@Suite struct TracingBackendTests {
    private func settings(_ arguments: [String], _ environment: [String: String] = [:]) throws -> TelemetrySettings {
        try TelemetrySettings(
            SettingValues(arguments: arguments, environment: environment), environment: environment)
    }

    @Test func otlp() throws {
        let variables = [
            "CONCOURSE_TRACING_OTLP_ADDRESS": "a:4317", "CONCOURSE_TRACING_OTLP_HEADERS": "x:1=2,y=3:4",
            "CONCOURSE_TRACING_OTLP_USE_TLS": "true", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere:1",
        ]
        let found = try settings([], variables)
        let collector = try #require(found.collectors.first)
        #expect(found.collectors.count == 1)
        #expect(collector.endpoint.description == "https://a:4317/" && collector.transport == .grpc)
        #expect(collector.headers.map { "\($0.name)=\($0.value)" } == ["x=1=2", "y=3:4"])
        #expect(collector.compression == .gzip)
        #expect(
            found.notices == [
                "environment variable OTEL_EXPORTER_OTLP_ENDPOINT has no effect beside --tracing-otlp-address"
            ])
        // The right name beats the wrong one, and a flag beats both.
        let right = try settings([], variables.merging(["CONCOURSE_TRACING_OTLP_HEADER": "z:9"]) { $1 })
        #expect(right.collectors.first?.headers.map(\.name) == ["z"])
        let flag = try settings(["--tracing-otlp-address=b:1", "--tracing-otlp-use-tls=false"], variables)
        #expect(flag.collectors.first?.endpoint.description == "http://b:1/")
    }

    @Test func honeycombComesFirstAndNeedsBoth() throws {
        let both = [
            "--tracing-honeycomb-api-key=hush", "--tracing-honeycomb-dataset=d", "--tracing-otlp-address=a:1",
            "--tracing-jaeger-endpoint=http://j:14268/api/traces",
        ]
        let found = try settings(both)
        let collector = try #require(found.collectors.first)
        #expect(found.collectors.count == 1 && collector.endpoint.description == "https://api.honeycomb.io:443/")
        #expect(
            collector.headers.map { "\($0.name)=\($0.value)" } == ["x-honeycomb-team=hush", "x-honeycomb-dataset=d"])
        #expect(!"\(found)".contains("hush"))
        let half = try settings(["--tracing-honeycomb-api-key=hush"])
        #expect(half.traces.isEmpty && half.notices.count == 1 && !"\(half)".contains("hush"))
    }

    @Test func jaegerGetsOTLP() throws {
        let found = try settings([
            "--tracing-jaeger-endpoint=http://j:14268/api/traces", "--tracing-jaeger-tags=a:1",
            "--tracing-jaeger-service=s", "--tracing-otlp-address=a:1",
        ])
        #expect(found.collectors.map(\.endpoint.description) == ["http://j:4318/v1/traces"])
        #expect(found.notices.count == 1 && found.notices[0].contains("Thrift"))
        #expect(found.resource["a"] == .string("1") && found.resource["service.name"] == .string("s"))
        let direct = try settings(["--tracing-jaeger-endpoint=http://j:4318/v1/traces"])
        #expect(direct.collectors.map(\.endpoint.description) == ["http://j:4318/v1/traces"] && direct.notices == [])
    }

    @Test(arguments: [
        "--tracing-jaeger-endpoint=j", "--tracing-jaeger-endpoint=http://", "--tracing-otlp-address=a:x",
        "--tracing-otlp-address=user:hush@a:1",
    ]) func impossibleAddressIsRefused(_ flag: String) {
        let error = #expect(throws: UsageError.self) { try settings([flag]) }
        #expect(error?.description.contains("hush") == false)
    }

    @Test func nothingSecretIsShown() throws {
        let configuration = try WorkerConfiguration(
            arguments: ["--work-dir=/w", "--tracing-honeycomb-api-key=hush", "--tracing-honeycomb-dataset=d"],
            environment: [
                "CONCOURSE_TRACING_OTLP_HEADER": "x:hush", "OTEL_EXPORTER_OTLP_HEADERS": "x=hush",
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x=hush",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:hush@a/?key=hush",
                "OTEL_SERVICE_NAME": "visible",
            ], hostName: "h")
        #expect(!"\(configuration)".contains("hush"))
        let shown = Dictionary(uniqueKeysWithValues: configuration.summary.map { ($0.name, $0.value) })
        #expect(shown["OTEL_EXPORTER_OTLP_HEADERS"] == "***" && shown["tracing-otlp-header"] == "***")
        #expect(shown["tracing-honeycomb-api-key"] == "***" && shown["OTEL_EXPORTER_OTLP_ENDPOINT"] == "***")
        #expect(shown["OTEL_SERVICE_NAME"] == "visible")
    }
}

@Suite struct TraceCheckTests {
    @Test(
        arguments: [
            ("connect: Connection refused (errno: 111)", "nothing listens"), ("HTTP 401: no", "credentials"),
            ("HTTP 404", "/v1/traces"), ("no reply in time", "OTEL_EXPORTER_OTLP_TIMEOUT"), ("HTTP 418", nil),
        ] as [(String, String?)]) func hints(_ reason: String, _ part: String?)
    {
        let hint = TraceCheck.hint(for: reason)
        if let part { #expect(hint?.contains(part) == true) } else { #expect(hint == nil) }
    }
}
