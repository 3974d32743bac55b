extension Metric {
    /// All that is fixed about a metric.
    struct Definition {
        var kind: MetricKind
        var help: String
        var labels: [String] = []

        init(_ kind: MetricKind, _ help: String, _ labels: String...) {
            self.kind = kind
            self.help = help
            self.labels = labels
        }
    }

    /// The definition; to be asked for once, see ``MetricRegistry``.
    var definition: Definition {
        switch self {
        case .containerCreateDuration, .containerDestroyDuration, .processSpawnDuration, .phaseDuration,
            .launchFailures, .processExits, .oomKills, .containers, .processes, .admissionQueueLength, .admissionWait:
            ofContainers
        case .volumeCreateDuration, .volumeStreamDuration, .volumeStreamBytes, .cacheRequests, .volumes: ofVolumes
        case .diskBytes, .diskInodes, .pressure: ofHost
        default: ofWorker
        }
    }

    private var ofContainers: Definition {
        switch self {
        case .containerCreateDuration:
            Definition(.histogram(Buckets.work), "Time to make a container, by its outcome (ok, error).", "outcome")
        case .containerDestroyDuration:
            Definition(.histogram(Buckets.work), "Time to remove a container, by its outcome (ok, error).", "outcome")
        case .processSpawnDuration:
            Definition(
                .histogram(Buckets.work), "Time to start a program in a container, by its outcome (ok, error).",
                "outcome")
        case .phaseDuration:
            Definition(.histogram(Buckets.work), "Time of each phase of the worker's work, as spans have it.", "phase")
        case .launchFailures:
            Definition(
                .counter,
                "Containers and programs that could not be launched, by the step that failed and its errno or error.",
                "step", "errno")
        case .processExits:
            Definition(
                .counter, "Programs that ended, by the reason (exit, signal, oom, stopped, lost).", "reason")
        case .oomKills:
            Definition(.counter, "Times that containers were found to have had programs killed for want of memory.")
        case .containers: Definition(.gauge, "Containers, by their state (active, stopped, dead).", "state")
        case .processes: Definition(.gauge, "Programs that run in containers.")
        case .admissionQueueLength: Definition(.gauge, "Containers that wait for a place to be made.")
        default: Definition(.histogram(Buckets.work), "Time that new containers waited for a place to be made.")
        }
    }

    private var ofVolumes: Definition {
        switch self {
        case .volumeCreateDuration:
            Definition(
                .histogram(Buckets.work),
                "Time to make a volume, by its strategy (empty, cow, import) and outcome (ok, error).", "strategy",
                "outcome")
        case .volumeStreamDuration:
            Definition(
                .histogram(Buckets.streams),
                "Time of archives into (in) or out of volumes (out), and to other workers (p2p, around an out).",
                "direction", "encoding", "outcome")
        case .volumeStreamBytes:
            Definition(
                .counter, "Bytes on the wire of archives on their way into or out of volumes.", "direction", "encoding")
        case .cacheRequests:
            Definition(
                .counter,
                "Times that something could have been there already (image, volume, mount), by whether it was.",
                "kind", "outcome")
        default: Definition(.gauge, "Volumes, by the strategy that they were made with.", "strategy")
        }
    }

    private var ofHost: Definition {
        switch self {
        case .diskBytes:
            Definition(.gauge, "Bytes of the file system of the work directory (available, used).", "state")
        case .diskInodes:
            Definition(.gauge, "Inodes of the file system of the work directory (available, used).", "state")
        default:
            Definition(
                .counter, "Time that some or all tasks of the host waited for a resource (/proc/pressure).", "resource",
                "kind")
        }
    }

    private var ofWorker: Definition {
        switch self {
        case .httpServerDuration:
            Definition(
                .histogram(Buckets.work), "Time of requests to the worker's APIs until their reply, streams apart.",
                "http.request.method", "http.route", "http.response.status_code")
        case .uptime: Definition(.gauge, "Time since the worker started.")
        case .buildInfo: Definition(.info, "The version of Apron.", "version")
        case .targetInfo: Definition(.info, "The resource that the metrics are about.")
        case .labelOverflows:
            Definition(.counter, "Records whose labels went to 'other', for there were too many sets.", "metric")
        case .spansLive:
            Definition(.gauge, "Spans that are open and recorded.", "otel.span.sampling_result")
        case .spansStarted:
            Definition(
                .counter, "Spans begun, also those that are not recorded.", "otel.span.parent.origin",
                "otel.span.sampling_result")
        case .spanQueueSize: Definition(.gauge, "Ended spans that wait for the exporters.")
        case .spanQueueCapacity: Definition(.gauge, "Most spans that may wait for the exporters.")
        case .spansProcessed:
            Definition(
                .counter, "Spans that left the queue for the exporters, or were dropped (error.type queue_full).",
                "error.type")
        case .spansExported:
            Definition(
                .counter, "Spans that an exporter is done with, delivered or not (error.type).", "otel.component.type",
                "error.type")
        default:
            Definition(
                .histogram(Buckets.exports), "Time of each attempt of an exporter to deliver.", "otel.component.type")
        }
    }

    /// Upper bounds of buckets, in seconds.
    enum Buckets {
        /// From half a millisecond, in which a container's smaller phases are done, to a minute.
        static let work = [
            0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
        ]
        /// As the exporters count them.
        static let exports = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        /// Archives may be large and networks slow.
        static let streams = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
    }
}
