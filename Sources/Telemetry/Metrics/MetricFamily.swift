internal import Synchronization

/// The series of one metric, by the values of its labels; bounded, since each stays for the life of the process.
final class MetricFamily: Sendable {
    let kind: MetricKind
    let labelNames: [String]
    private let seriesMax: Int
    private let series: Mutex<[[String]: MetricCell]>

    /// What stands for label values when there are too many.
    static let overflow = "other"
    /// Longest label value in bytes; longer ones are cut.
    static let labelBytesMax = 128

    init(_ kind: MetricKind, labelNames: [String], seriesMax: Int) {
        self.kind = kind
        self.labelNames = labelNames
        self.seriesMax = seriesMax
        // Without labels there is one series, and it is there from the begin.
        series = Mutex(labelNames.isEmpty ? [[]: MetricCell(kind)] : [:])
    }

    /// The cell of a series, and whether it had to be that of `other`.
    func cell(_ labels: [String]) -> (cell: MetricCell, isOverflow: Bool) {
        precondition(labels.count == labelNames.count, "as many values as labels")
        let labels = Self.limited(labels)
        return series.withLock { series in
            if let cell = series[labels] { return (cell, false) }
            let isOverflow = series.count >= seriesMax
            let key = isOverflow ? labels.map { _ in Self.overflow } : labels
            if let cell = series[key] { return (cell, isOverflow) }
            let cell = MetricCell(kind)
            series[key] = cell
            return (cell, isOverflow)
        }
    }

    /// What has been counted, by the values of labels. Of histograms with labels, only those that have been used.
    var points: [MetricSnapshot.Point] {
        series.withLock { $0 }
            .compactMap { labels, cell in
                let reading = cell.reading
                if case .histogram(let histogram) = reading, !labels.isEmpty, histogram.count == 0 { return nil }
                return MetricSnapshot.Point(labels: zip(labelNames, labels).map { .init($0, $1) }, reading: reading)
            }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }

    static func limited(_ labels: [String]) -> [String] {
        if labels.allSatisfy({ $0.utf8.count <= labelBytesMax }) { return labels }
        return labels.map { $0.cut(toBytes: labelBytesMax) }
    }
}
