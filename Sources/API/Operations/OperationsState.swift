internal import Kernel
internal import Telemetry
internal import Worker

/// All that the page shows at one moment, as JSON in sections, so that only those that changed need to be sent.
struct OperationsState: Sendable {
    /// A part of the page that changes as a whole.
    enum Section: String, CaseIterable {
        case worker, host, containers, volumes, open, traces, store
    }

    /// Containers or volumes that are described; more are only counted.
    static let objectsMax = 2000
    /// Open spans that are described.
    static let openMax = 500
    /// Traces that are listed.
    static let tracesMax = 200

    /// The number of containers.
    let containers: Int
    /// The number of volumes.
    let volumes: Int
    /// When it was, in nanoseconds since the epoch.
    private let time: UInt64
    private var sections: [Section: [UInt8]] = [:]

    init(_ sources: OperationsRoutes.Sources, _ overview: WorkerOverview) {
        containers = overview.containers.count
        volumes = overview.volumes.count
        time = realTime()
        let open = sources.store.openSpans(limit: Self.openMax)
        sections[.worker] = JSONWriter.bytes(of: sources.worker.json)
        sections[.host] = JSONWriter.bytes(of: sources.host().json)
        sections[.containers] = JSONWriter.bytes(of: .found(overview.containers, Self.objectsMax) { $0.json })
        sections[.volumes] = JSONWriter.bytes(of: .found(overview.volumes, Self.objectsMax) { $0.json })
        sections[.open] = JSONWriter.bytes(of: .counted(open.spans.map(\.json), open.total))
        let traces = sources.store.recentTraces(limit: Self.tracesMax)
        sections[.traces] = JSONWriter.bytes(of: .counted(traces.map(\.json), traces.count))
        sections[.store] = JSONWriter.bytes(of: sources.store.usage.json)
    }

    /// All sections as one object.
    var json: [UInt8] { object(Section.allCases) }

    /// The sections that differ from those of another moment as one object; nil when none does.
    func changes(since former: OperationsState?) -> [UInt8]? {
        guard let former else { return json }
        let changed = Section.allCases.filter { sections[$0] != former.sections[$0] }
        return changed.isEmpty ? nil : object(changed)
    }

    private func object(_ wanted: [Section]) -> [UInt8] {
        var bytes = Array("{\"time\":".utf8)
        bytes += JSONWriter.bytes(of: .milliseconds(time))
        for section in wanted {
            bytes += Array(",\"\(section.rawValue)\":".utf8)
            bytes += sections[section] ?? []
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}

/// The latest state, made anew when it is asked for and has become old; all who ask share it.
actor StateBoard {
    /// How often it is made at most: people do not read faster.
    static let interval = Duration.seconds(1)

    private let sources: OperationsRoutes.Sources
    private var latest: Task<(OperationsState, WorkerOverview), Never>?
    private var begun: ContinuousClock.Instant?

    init(_ sources: OperationsRoutes.Sources) { self.sources = sources }

    /// The state, at most about a second old.
    func state() async -> OperationsState { await current().0 }

    /// What the state was made from.
    func overview() async -> WorkerOverview { await current().1 }

    private func current() async -> (OperationsState, WorkerOverview) {
        let now = ContinuousClock.now
        // A little earlier than the interval, so that one who asks at every interval never gets the same twice.
        if let latest, let begun, now - begun < Self.interval * 9 / 10 { return await latest.value }
        let sources = sources
        let task = Task(executorPreference: BlockingExecutor.shared) {
            let overview = await sources.overview()
            return (OperationsState(sources, overview), overview)
        }
        latest = task
        begun = now
        return await task.value
    }
}
