/// Every metric of Apron, named once: the raw value is the name under which Prometheus has it.
///
/// Recording, exposition, the metrics by OTLP, the dashboard's check and the documentation all come from this list.
/// What varies without bound (handles, paths, trace ids) is never a label: it lives in spans, which exemplars lead to.
public enum Metric: String, CaseIterable, Sendable {
    // Containers
    case containerCreateDuration = "apron_container_create_duration_seconds"
    case containerDestroyDuration = "apron_container_destroy_duration_seconds"
    case processSpawnDuration = "apron_process_spawn_duration_seconds"
    case phaseDuration = "apron_phase_duration_seconds"
    case launchFailures = "apron_launch_failures_total"
    case processExits = "apron_process_exits_total"
    case oomKills = "apron_oom_kills_total"
    case containers = "apron_containers"
    case processes = "apron_processes"
    case admissionQueueLength = "apron_admission_queue_length"
    case admissionWait = "apron_admission_wait_seconds"

    // Volumes
    case volumeCreateDuration = "apron_volume_create_duration_seconds"
    case volumeStreamDuration = "apron_volume_stream_duration_seconds"
    case volumeStreamBytes = "apron_volume_stream_bytes_total"
    case cacheRequests = "apron_cache_requests_total"
    case volumes = "apron_volumes"

    // The host
    case diskBytes = "apron_disk_bytes"
    case diskInodes = "apron_disk_inodes"
    case pressure = "apron_pressure_seconds_total"

    // Requests
    case httpServerDuration = "http_server_request_duration_seconds"

    // The worker and its telemetry
    case uptime = "apron_uptime_seconds"
    case buildInfo = "apron_build_info"
    case targetInfo = "target_info"
    case labelOverflows = "apron_metric_label_overflows_total"
    case spansLive = "otel_sdk_span_live"
    case spansStarted = "otel_sdk_span_started_total"
    case spanQueueSize = "otel_sdk_processor_span_queue_size"
    case spanQueueCapacity = "otel_sdk_processor_span_queue_capacity"
    case spansProcessed = "otel_sdk_processor_span_processed_total"
    case spansExported = "otel_sdk_exporter_span_exported_total"
    case exportDuration = "otel_sdk_exporter_operation_duration_seconds"
}

/// What a metric measures, as it is written in both forms of exposition.
public enum MetricKind: Sendable, Hashable {
    /// Grows, and begins at nought with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// Observations, counted by the upper bounds of their buckets; the last bucket has none.
    case histogram([Double])
    /// Always 1; says something by its labels.
    case info
}

extension Metric {
    /// What kind of numbers it is.
    public var kind: MetricKind { definition.kind }

    /// What it measures, one sentence.
    public var help: String { definition.help }

    /// The names of its labels, as the semantic conventions of OpenTelemetry write them; Prometheus has underscores
    /// where they have dots.
    public var labels: [String] { definition.labels }

    /// Most different sets of label values; what comes later is counted under `other`.
    var labelSetsMax: Int {
        switch self {
        // Some hundred routes and their statuses.
        case .httpServerDuration: 1000
        case .phaseDuration: Phase.allCases.count
        default: 200
        }
    }
}
