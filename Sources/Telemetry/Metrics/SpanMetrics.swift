internal import Synchronization

/// Counts what spans say when they end, so that no piece of work is measured twice.
final class SpanMetrics: Sendable {
    private typealias Outcomes = (ok: HistogramCell, failed: HistogramCell)

    private let cell: @Sendable (Metric, [String]) -> MetricCell
    private let phases: [Phase: HistogramCell]
    private let live: (sampled: NumberCell, unsampled: NumberCell)
    private let started: [NumberCell]
    private let launches = FailedLaunches()

    /// - Parameter cell: finds the cell of a metric's series
    init(_ cell: @escaping @Sendable (Metric, [String]) -> MetricCell) {
        self.cell = cell
        var phases: [Phase: HistogramCell] = [:]
        for phase in Phase.allCases {
            if case .histogram(let histogram) = cell(.phaseDuration, [phase.rawValue]) { phases[phase] = histogram }
        }
        self.phases = phases
        func number(_ metric: Metric, _ labels: String...) -> NumberCell {
            guard case .number(let number) = cell(metric, labels) else { preconditionFailure("\(metric) is a number") }
            return number
        }
        live = (number(.spansLive, Self.sampled), number(.spansLive, Self.unsampled))
        started = ["none", "local", "remote"].flatMap { origin in
            [Self.dropped, Self.unsampled, Self.sampled].map { number(.spansStarted, origin, $0) }
        }
    }

    // As the semantic conventions name the decisions.
    private static let dropped = "DROP"
    private static let unsampled = "RECORD_ONLY"
    private static let sampled = "RECORD_AND_SAMPLE"

    /// A span has begun.
    /// - Parameter isSampled: whether its trace is exported; nil: it records nothing
    func began(_ isSampled: Bool?, hasParent: Bool, parentIsRemote: Bool) {
        let origin = !hasParent ? 0 : parentIsRemote ? 2 : 1
        guard let isSampled else { return started[origin * 3].add(1) }
        started[origin * 3 + (isSampled ? 2 : 1)].add(1)
        (isSampled ? live.sampled : live.unsampled).add(1)
    }

    /// A recorded span has ended.
    func ended(_ ended: EndedSpan) {
        let span = ended.record
        (span.isSampled ? live.sampled : live.unsampled).add(-1)
        guard let phase = span.phase, let end = span.end else { return }
        let seconds = Double(end - span.start) / 1e9
        let exemplar = span.isSampled ? Self.exemplar(ended, seconds, end) : nil
        if phase.isChildGroup {
            // Single steps lie below the span of their group, and have its phase.
            if span.status.isError {
                let recorded = ended.recorded
                if launches.note(recorded) { count(.launchFailures, [recorded.stepName, recorded.errorType]) }
            }
            if span.name.isStep { return }
        }
        phases[phase]?.observe(seconds, exemplar)
        switch phase {
        case .containerCreate: observe(.containerCreateDuration, [ended.recorded.outcome], seconds, exemplar)
        case .containerDestroy: observe(.containerDestroyDuration, [ended.recorded.outcome], seconds, exemplar)
        case .admission: observe(.admissionWait, [], seconds, exemplar)
        case .processSpawn:
            observe(.processSpawnDuration, [ended.recorded.outcome], seconds, exemplar)
            countFailure(ended)
        case .rootfsPrepare:
            countCache("image", ended.recorded)
            countFailure(ended)
        case .cgroupCreate, .networkCreate, .containerLaunch, .stateCommit: countFailure(ended)
        case .process: countExit(ended.recorded)
        case .volumeCreate, .volumeMount, .volumeStreamIn, .volumeStreamOut, .volumeP2P:
            volumeEnded(phase, ended.recorded, seconds, exemplar)
        case .httpServer: requestEnded(ended.recorded, seconds, exemplar)
        default: break
        }
    }

    private func countFailure(_ ended: EndedSpan) {
        // What nearly no span has to say is not worth its description.
        guard ended.record.status.isError else { return }
        let recorded = ended.recorded
        if launches.isNew(recorded) { count(.launchFailures, [recorded.name, recorded.errorType]) }
    }

    private func countCache(_ kind: String, _ span: RecordedSpan) {
        if let outcome = span.text("apron.cache.outcome") { count(.cacheRequests, [kind, outcome]) }
    }

    private func countExit(_ span: RecordedSpan) {
        // One that nobody saw end died with process 1.
        if let reason = span.text("apron.exit.reason") ?? (span.status.isError ? "lost" : nil) {
            count(.processExits, [reason])
        }
        let kills = span.events.count { $0.name == "oom_kill" }
        if kills > 0 { count(.oomKills, [], Double(kills)) }
    }

    private func volumeEnded(_ phase: Phase, _ span: RecordedSpan, _ seconds: Double, _ exemplar: MetricExemplar?) {
        let encoding = span.text("apron.archive.encoding") ?? "unknown"
        let direction = phase == .volumeStreamIn ? "in" : phase == .volumeStreamOut ? "out" : "p2p"
        switch phase {
        case .volumeCreate:
            let strategy = span.text("apron.volume.strategy") ?? "unknown"
            observe(.volumeCreateDuration, [strategy, span.outcome], seconds, exemplar)
            countCache("volume", span)
        case .volumeMount: countCache("mount", span)
        default:
            observe(.volumeStreamDuration, [direction, encoding, span.outcome], seconds, exemplar)
            // What goes to another worker is counted on its way out of the volume.
            if phase != .volumeP2P, let bytes = span.number("apron.archive.encoded_bytes") {
                count(.volumeStreamBytes, [direction, encoding], bytes)
            }
        }
    }

    private func requestEnded(_ span: RecordedSpan, _ seconds: Double, _ exemplar: MetricExemplar?) {
        let method = span.text("http.request.method") ?? ""
        let status = span.number("http.response.status_code").map { "\(Int($0))" } ?? ""
        observe(
            .httpServerDuration,
            [Self.methods.contains(method) ? method : "_OTHER", span.text("http.route") ?? "", status], seconds,
            exemplar)
    }

    /// The methods of RFC 9110 and RFC 5789; a client may send any word.
    private static let methods: Set = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ]

    private func count(_ metric: Metric, _ labels: [String], _ amount: Double = 1) {
        if case .number(let number) = cell(metric, labels) { number.add(amount) }
    }

    private func observe(_ metric: Metric, _ labels: [String], _ value: Double, _ exemplar: MetricExemplar?) {
        if case .histogram(let histogram) = cell(metric, labels) { histogram.observe(value, exemplar) }
    }

    private static func exemplar(_ span: EndedSpan, _ value: Double, _ end: UInt64) -> MetricExemplar {
        MetricExemplar(
            traceID: span.scope.traceID, spanID: span.record.spanID, value: value,
            time: span.scope.anchor.unixTime(end))
    }
}

/// Which launches have had their failure counted by the step inside the child, which knows more than the launch.
private final class FailedLaunches: Sendable {
    /// Steps and launches end within moments of each other; this many at a time will never be.
    private static let launchesMax = 256

    private let counted = Mutex<Set<SpanID>>([])

    /// Notes the end of a child's group or step; true for a failed step, which is to be counted.
    func note(_ span: RecordedSpan) -> Bool {
        guard span.status.isError, let parent = span.parentID else { return false }
        if span.name.isStep { return true }
        counted.withLock { counted in
            if counted.count >= Self.launchesMax { counted.removeAll() }
            counted.insert(parent)
        }
        return false
    }

    /// Whether a span failed and none of its steps was counted.
    func isNew(_ span: RecordedSpan) -> Bool {
        guard span.status.isError else { return false }
        return counted.withLock { $0.remove(span.context.spanID) } == nil
    }
}

extension String {
    fileprivate static let stepPrefix = "step."

    /// Whether a span of that name is a single step of a child.
    fileprivate var isStep: Bool { hasPrefix(Self.stepPrefix) }
}

extension RecordedSpan {
    fileprivate var stepName: String { String(name.dropFirst(String.stepPrefix.count)) }

    /// One of the few words that label how it went.
    fileprivate var outcome: String {
        if self["apron.transfer.cancelled"] != nil { return "cancelled" }
        return status.isError ? "error" : "ok"
    }

    fileprivate var errorType: String {
        if case .error(let type, _) = status { type } else { "" }
    }

    fileprivate func text(_ key: AttributeKey) -> String? {
        if case .string(let text) = self[key] { text } else { nil }
    }

    fileprivate func number(_ key: AttributeKey) -> Double? {
        switch self[key] {
        case .int(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
}
