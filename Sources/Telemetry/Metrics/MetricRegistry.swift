internal import Kernel
internal import Synchronization

/// Reads figures that are known without being counted, when somebody looks: from memory, or from a file of /proc.
/// It may block for as long as that takes.
public typealias MetricSource = @Sendable (inout MetricReadings) -> Void

/// Where metrics are counted. The process has one, ``Metrics/shared``.
public final class MetricRegistry: Sendable {
    private let families: [Metric: MetricFamily]
    private let sources = Mutex<[MetricSource]>([])
    private let start = realTime()
    /// What libraries record.
    let library: LibraryMetrics
    /// What is counted when spans begin and end.
    let spans: SpanMetrics

    /// An empty registry.
    public init() {
        let pairs = Metric.allCases.map { metric in
            let definition = metric.definition
            return (
                metric,
                MetricFamily(definition.kind, labelNames: definition.labels, seriesMax: metric.labelSetsMax)
            )
        }
        let families = Dictionary(uniqueKeysWithValues: pairs)
        self.families = families
        let overflows = families[.labelOverflows]
        library = LibraryMetrics { Self.overflow(overflows, $0) }
        spans = SpanMetrics { Self.cell(families, $0, $1) }
    }

    /// Adds to a counter.
    public func count(_ metric: Metric, _ labels: [String] = [], by amount: Double = 1) {
        if case .number(let cell) = cell(metric, labels) { cell.add(amount) }
    }

    /// Counts an observation of a histogram.
    public func observe(_ metric: Metric, _ labels: [String] = [], _ value: Double, exemplar: MetricExemplar? = nil) {
        if case .histogram(let cell) = cell(metric, labels) { cell.observe(value, exemplar) }
    }

    /// Sets a gauge.
    public func set(_ metric: Metric, _ labels: [String] = [], to value: Double) {
        if case .number(let cell) = cell(metric, labels) { cell.set(value) }
    }

    /// Adds a source of figures, which is read whenever somebody looks.
    public func add(_ source: @escaping MetricSource) { sources.withLock { $0.append(source) } }

    /// All that is known now. It reads the sources, which may block shortly.
    public func snapshot() -> MetricSnapshot {
        var readings = MetricReadings { [families] in families[$0]?.labelNames.count ?? 0 }
        for source in sources.withLock({ $0 }) { source(&readings) }
        for metric in readings.overflows { Self.overflow(families[.labelOverflows], metric.rawValue) }
        var result: [MetricSnapshot.Family] = []
        for metric in Metric.allCases {
            guard let family = families[metric] else { continue }
            var points = readings.points(metric, family.labelNames)
            let isRead = !points.isEmpty
            // A gauge without labels is read or counted, never both.
            if !isRead, isCounted(metric) { points = family.points }
            if points.isEmpty { continue }
            result.append(
                .init(name: metric.rawValue, kind: metric.kind, help: metric.help, points: points, isRead: isRead))
        }
        return MetricSnapshot(families: result + library.families, start: start, time: realTime())
    }

    /// What only sources know is absent when none said it; everything else begins with nought.
    private func isCounted(_ metric: Metric) -> Bool {
        switch metric {
        case .processes, .admissionQueueLength, .uptime, .spanQueueSize, .spanQueueCapacity, .targetInfo: false
        default: true
        }
    }

    private func cell(_ metric: Metric, _ labels: [String]) -> MetricCell { Self.cell(families, metric, labels) }

    private static func cell(_ families: [Metric: MetricFamily], _ metric: Metric, _ labels: [String]) -> MetricCell {
        guard let family = families[metric] else { preconditionFailure("every metric has a family") }
        let (cell, isOverflow) = family.cell(labels)
        if isOverflow { overflow(families[.labelOverflows], metric.rawValue) }
        return cell
    }

    private static func overflow(_ family: MetricFamily?, _ name: String) {
        if case .number(let cell) = family?.cell([name]).cell { cell.add(1) }
    }
}

/// The figures that sources give, during one look at the metrics.
public struct MetricReadings {
    private var values: [Metric: [[String]: MetricSnapshot.Reading]] = [:]
    private let labelCount: (Metric) -> Int
    /// Whose labels were too many.
    private(set) var overflows: [Metric] = []
    private var info: [MetricSnapshot.Label] = []

    init(labelCount: @escaping (Metric) -> Int) { self.labelCount = labelCount }

    /// Gives the value of a series; of several for the same labels the sum.
    public mutating func add(_ metric: Metric, _ labels: [String] = [], _ value: Double) {
        let key = key(metric, labels)
        if case .number(let known) = values[metric]?[key] {
            values[metric]?[key] = .number(known + value)
        } else {
            values[metric, default: [:]][key] = .number(value)
        }
    }

    /// Gives the observations of a series that somebody else counted; the last for the same labels.
    public mutating func set(_ metric: Metric, _ labels: [String] = [], _ histogram: MetricSnapshot.Histogram) {
        values[metric, default: [:]][key(metric, labels)] = .histogram(histogram)
    }

    private mutating func key(_ metric: Metric, _ labels: [String]) -> [String] {
        precondition(labels.count == labelCount(metric), "as many values as labels")
        let key = MetricFamily.limited(labels)
        let known = values[metric] ?? [:]
        if known[key] != nil || known.count < metric.labelSetsMax { return key }
        overflows.append(metric)
        return labels.map { _ in MetricFamily.overflow }
    }

    /// Says what the metrics are about, on `target_info`.
    public mutating func describe(_ resource: Resource) {
        info = resource.attributes.map { attribute in
            switch attribute.value {
            case .string(let text): .init(attribute.key.name, text)
            case .int(let number): .init(attribute.key.name, "\(number)")
            case .double(let number): .init(attribute.key.name, "\(number)")
            case .bool(let flag): .init(attribute.key.name, "\(flag)")
            case .strings(let texts): .init(attribute.key.name, texts.joined(separator: ","))
            }
        }
    }

    func points(_ metric: Metric, _ names: [String]) -> [MetricSnapshot.Point] {
        if metric == .targetInfo, !info.isEmpty { return [.init(labels: info, reading: .number(1))] }
        return (values[metric] ?? [:])
            .map { .init(labels: zip(names, $0.key).map { .init($0, $1) }, reading: $0.value) }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}
