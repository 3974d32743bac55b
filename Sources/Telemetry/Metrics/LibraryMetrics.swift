internal import Synchronization

/// The metrics that libraries record through swift-metrics.
///
/// They keep their names, with what Prometheus does not allow replaced by underscores; those that would clash with one
/// of Apron's or with another kind of metric are dropped and counted, like those beyond a bound.
final class LibraryMetrics: Sendable {
    /// Most metrics of libraries.
    static let familiesMax = 256
    /// Most series of one metric.
    static let seriesMax = 200

    private final class Family: Sendable {
        let kind: MetricKind
        let series = Mutex<[[MetricSnapshot.Label]: MetricCell]>([:])

        init(_ kind: MetricKind) { self.kind = kind }
    }

    private let named = Mutex<[String: Family]>([:])
    private let onOverflow: @Sendable (String) -> Void

    init(onOverflow: @escaping @Sendable (String) -> Void) { self.onOverflow = onOverflow }

    /// Names that samples of Apron's metrics have.
    private static let taken: Set<String> = {
        var names: Set<String> = []
        for metric in Metric.allCases {
            let family = MetricSnapshot.Family(name: metric.rawValue, kind: metric.kind, help: "", points: [])
            names.formUnion([metric.rawValue, family.familyName])
        }
        return names
    }()

    /// The cell of a series; nil when it cannot be had.
    func cell(_ label: String, _ dimensions: [(String, String)], _ kind: MetricKind) -> MetricCell? {
        let name = Self.name(label, kind)
        let labels = Dictionary(dimensions) { _, last in last }
            .map { MetricSnapshot.Label($0.key, $0.value.cut(toBytes: MetricFamily.labelBytesMax)) }.sorted()
        guard let family = family(name, kind) else {
            onOverflow(MetricFamily.overflow)
            return nil
        }
        let (cell, isOverflow) = family.series.withLock { series in
            if let cell = series[labels] { return (cell, false) }
            let isOverflow = series.count >= Self.seriesMax
            let key = isOverflow ? labels.map { .init($0.name, MetricFamily.overflow) } : labels
            let cell = series[key] ?? MetricCell(kind)
            series[key] = cell
            return (cell, isOverflow)
        }
        if isOverflow { onOverflow(name) }
        return cell
    }

    private func family(_ name: String, _ kind: MetricKind) -> Family? {
        if Self.taken.contains(name) { return nil }
        return named.withLock { named in
            if let known = named[name] { return known.kind == kind ? known : nil }
            // The samples of a histogram have names of their own, which no other metric may have.
            if named.count >= Self.familiesMax { return nil }
            let family = Family(kind)
            named[name] = family
            return family
        }
    }

    /// All of them, by name.
    var families: [MetricSnapshot.Family] {
        named.withLock { $0 }.sorted { $0.key < $1.key }
            .map { name, family in
                let points = family.series.withLock { $0 }
                    .map { MetricSnapshot.Point(labels: $0.key, reading: $0.value.reading) }
                    .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
                return .init(name: name, kind: family.kind, help: "Recorded by a library.", points: points)
            }
    }

    /// A name for Prometheus: its letters, no suffix that says another kind, the suffix of its own kind.
    private static func name(_ label: String, _ kind: MetricKind) -> String {
        var name = label.cut(toBytes: MetricFamily.labelBytesMax).prometheusName
        for suffix in ["_total", "_info", "_created", "_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
            name.removeLast(suffix.utf8.count)
        }
        // A label that is nothing but a suffix.
        if name.isEmpty { name = "_" }
        return kind == .counter ? name + "_total" : name
    }
}

extension String {
    /// The text with underscores for what neither names of metrics nor of labels may have.
    var prometheusName: String {
        var bytes: [UInt8] = utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        if bytes.first.map({ $0 < UInt8(ascii: "A") }) ?? true { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
