/// All metrics at one moment: a value, for exposition and for exporters.
public struct MetricSnapshot: Sendable, Hashable {
    /// The metrics that have a series, in the order in which they are listed; those of libraries last.
    public var families: [Family]
    /// When counting began, in nanoseconds since the epoch.
    public var start: UInt64
    /// When it was taken, in nanoseconds since the epoch.
    public var time: UInt64

    /// Holds what was read.
    public init(families: [Family], start: UInt64, time: UInt64) {
        self.families = families
        self.start = start
        self.time = time
    }
}

extension MetricSnapshot {
    /// One metric with all its series.
    public struct Family: Sendable, Hashable {
        /// As Prometheus has it; counters end in `_total`.
        public var name: String
        /// What it is.
        public var kind: MetricKind
        /// What it measures.
        public var help: String
        /// Its series.
        public var points: [Point]
        /// Whether it was read from elsewhere, not counted here.
        public var isRead: Bool
        /// When counting began, in nanoseconds since the epoch, if that is later than for the snapshot: the numbers
        /// are then those of this interval alone.
        public var since: UInt64?

        /// Holds the series of one metric.
        public init(name: String, kind: MetricKind, help: String, points: [Point], isRead: Bool = false) {
            self.name = name
            self.kind = kind
            self.help = help
            self.points = points
            self.isRead = isRead
        }
    }

    /// One series.
    public struct Point: Sendable, Hashable {
        /// Its labels; those with an empty value are as good as absent.
        public var labels: [Label]
        /// What was counted.
        public var reading: Reading

        /// Holds one series.
        public init(labels: [Label], reading: Reading) {
            self.labels = labels
            self.reading = reading
        }
    }

    /// A label and its value.
    public struct Label: Sendable, Hashable, Comparable {
        /// Its name, with dots.
        public var name: String
        /// Its value.
        public var value: String

        /// Names a value.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        /// By name, then by value.
        public static func < (left: Label, right: Label) -> Bool {
            left.name == right.name ? left.value < right.value : left.name < right.name
        }
    }

    /// What a series says.
    public enum Reading: Sendable, Hashable {
        /// Of a counter, gauge or info.
        case number(Double)
        /// Of a histogram.
        case histogram(Histogram)
    }

    /// The observations of one series.
    public struct Histogram: Sendable, Hashable {
        /// Upper bounds of all buckets but the last.
        public var bounds: [Double]
        /// Observations in each bucket, not added up; one more than bounds.
        public var counts: [UInt64]
        /// The sum of all observations.
        public var sum: Double
        /// The last exemplar of each bucket.
        public var exemplars: [MetricExemplar?]

        /// All observations.
        public var count: UInt64 { counts.reduce(0, +) }

        /// Holds what was counted.
        public init(bounds: [Double], counts: [UInt64], sum: Double, exemplars: [MetricExemplar?]) {
            self.bounds = bounds
            self.counts = counts
            self.sum = sum
            self.exemplars = exemplars
        }
    }
}

extension MetricSnapshot.Family {
    /// The name without `_total` or `_info`, as OpenMetrics names the whole of a metric.
    public var familyName: String {
        switch kind {
        case .counter where name.hasSuffix("_total"): String(name.dropLast(6))
        case .info where name.hasSuffix("_info"): String(name.dropLast(5))
        default: name
        }
    }

    /// The unit that the name ends with, if it does: `seconds` or `bytes`.
    public var unit: String? { ["seconds", "bytes"].first { familyName.hasSuffix("_\($0)") } }

    /// The name as OpenTelemetry writes it: dots, no unit, no `total` (`apron.container.create.duration`).
    public var conventionalName: String {
        let bare = unit.map { familyName.dropLast($0.utf8.count + 1) } ?? familyName[...]
        return String(bare.map { $0 == "_" ? "." : $0 })
    }
}
