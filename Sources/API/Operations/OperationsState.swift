internal import Kernel
internal import Telemetry
internal import Worker

/// All that the page shows at one moment, as JSON in sections, so that only what changed needs to be sent.
struct OperationsState: Sendable {
    /// A part of the page: an object that changes as a whole, or a list of rows.
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
    private var objects: [Section: [UInt8]] = [:]
    private var lists: [Section: RowList] = [:]

    init(_ sources: OperationsRoutes.Sources, _ overview: WorkerOverview) {
        containers = overview.containers.count
        volumes = overview.volumes.count
        time = realTime()
        let open = sources.store.openSpans(limit: Self.openMax)
        objects[.worker] = JSONWriter.bytes(of: sources.worker.json)
        objects[.host] = JSONWriter.bytes(of: sources.host().json)
        let described = (overview.containers.prefix(Self.objectsMax), overview.volumes.prefix(Self.objectsMax))
        lists[.containers] = RowList(described.0.map { .init($0.handle, $0.json) }, of: containers)
        lists[.volumes] = RowList(described.1.map { .init($0.handle, $0.json) }, of: volumes)
        lists[.open] = RowList(open.spans.map { .init("\($0.context.spanID)", $0.json) }, of: open.total)
        let traces = sources.store.recentTraces(limit: Self.tracesMax)
        lists[.traces] = RowList(traces.map { .init("\($0.traceID)", $0.json) }, of: traces.count)
        objects[.store] = JSONWriter.bytes(of: sources.store.usage.json)
    }

    /// All sections as one object.
    var json: [UInt8] { object { objects[$0] ?? lists[$0]?.json } ?? [] }

    /// What differs from another moment as one object, see ``RowList``; nil when nothing does.
    func changes(since former: OperationsState?) -> [UInt8]? {
        guard let former else { return json }
        return object { section in
            if let list = lists[section], let known = former.lists[section] { return list.changes(since: known) }
            return objects[section] == former.objects[section] ? nil : objects[section]
        }
    }

    /// The sections that have something to say; nil when none has.
    private func object(_ contents: (Section) -> [UInt8]?) -> [UInt8]? {
        var bytes = Array("{\"time\":".utf8)
        bytes += JSONWriter.bytes(of: .milliseconds(time))
        var isEmpty = true
        for section in Section.allCases {
            guard let content = contents(section) else { continue }
            bytes += Array(",\"\(section.rawValue)\":".utf8)
            bytes += content
            isEmpty = false
        }
        if isEmpty { return nil }
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
