/// Metrics as text, in one of the two forms that Prometheus reads.
public struct Exposition: Sendable {
    /// A form of the text.
    public enum Format: Sendable, Hashable, CaseIterable {
        /// Version 0.0.4 of Prometheus' own, which everything reads.
        case prometheus
        /// OpenMetrics 1.0, which has exemplars.
        case openMetrics

        /// As it is announced.
        public var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        /// The form that a client with this `Accept` header likes best; OpenMetrics only for those that name it.
        public init(accept: String?) {
            var (text, open) = (0.0, 0.0)
            for range in (accept ?? "text/plain").split(separator: ",") {
                let range = AcceptRange(range)
                switch range.type {
                case "application/openmetrics-text" where range.version.map(Self.openVersions.contains) ?? true:
                    open = max(open, range.quality)
                case "text/plain", "text/*", "*/*": text = max(text, range.quality)
                default: break
                }
            }
            self = open > 0 && open >= text ? .openMetrics : .prometheus
        }

        private static let openVersions: Set = ["0.0.1", "1.0.0"]
    }

    private let format: Format
    private var bytes: [UInt8] = []

    /// The text of all metrics.
    public static func text(_ snapshot: MetricSnapshot, _ format: Format) -> [UInt8] {
        var exposition = Exposition(format: format)
        // About what a worker in use says.
        exposition.bytes.reserveCapacity(64 << 10)
        for family in snapshot.families { exposition.write(family) }
        if format == .openMetrics { exposition.put("# EOF\n") }
        return exposition.bytes
    }

    private init(format: Format) { self.format = format }

    private mutating func write(_ family: MetricSnapshot.Family) {
        let name = format == .openMetrics ? family.familyName : family.name
        put("# HELP \(name) ")
        putEscaped(family.help, quote: format == .openMetrics)
        put("\n# TYPE \(name) \(type(family.kind))\n")
        if format == .openMetrics, let unit = family.unit { put("# UNIT \(name) \(unit)\n") }
        // All series of a metric have the same bounds, but for those that somebody else counted.
        var bounds: (numbers: [Double], texts: [String]) = ([], [])
        for point in family.points {
            let labels = labels(point.labels)
            switch point.reading {
            case .number(let value): sample(family.name, labels, value)
            case .histogram(let histogram):
                if bounds.numbers != histogram.bounds {
                    bounds = (histogram.bounds, histogram.bounds.map(Self.real))
                }
                write(histogram, bounds.texts, family.name, labels)
            }
        }
    }

    private func type(_ kind: MetricKind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        case .info: format == .openMetrics ? "info" : "gauge"
        }
    }

    private mutating func write(
        _ histogram: MetricSnapshot.Histogram, _ bounds: [String], _ name: String, _ labels: [UInt8]
    ) {
        var sum: UInt64 = 0
        // All lines begin alike.
        let start = Array("\(name)_bucket{".utf8) + labels + Array((labels.isEmpty ? "le=\"" : ",le=\"").utf8)
        for (bucket, count) in histogram.counts.enumerated() {
            sum += count
            bytes += start
            put(bucket < bounds.count ? bounds[bucket] : "+Inf")
            put("\"} ")
            bytes.append(decimal: sum)
            if format == .openMetrics, let exemplar = histogram.exemplars[bucket] { put(exemplar) }
            put("\n")
        }
        sample("\(name)_sum", labels, histogram.sum)
        sample("\(name)_count", labels, Double(sum))
    }

    private mutating func put(_ exemplar: MetricExemplar) {
        put(" # {trace_id=\"\(exemplar.traceID)\",span_id=\"\(exemplar.spanID)\"} \(Self.number(exemplar.value)) ")
        // Milliseconds are all that Prometheus keeps.
        let milliseconds = exemplar.time / 1_000_000
        let rest = String(milliseconds % 1000)
        put("\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest)")
    }

    private mutating func sample(_ name: String, _ labels: [UInt8], _ value: Double) {
        put(name)
        if !labels.isEmpty {
            put("{")
            bytes += labels
            put("}")
        }
        put(" ")
        if value >= 0, let whole = UInt64(exactly: value), value < 0x1p53 {
            bytes.append(decimal: whole)
        } else {
            put(Self.number(value))
        }
        put("\n")
    }

    /// `a="b",c="d"`, escaped; an empty value is as good as no label.
    private func labels(_ labels: [MetricSnapshot.Label]) -> [UInt8] {
        var text = Exposition(format: format)
        var names: Set<String> = []
        for label in labels where !label.value.isEmpty {
            var name = label.name.prometheusName
            // `le` is the bucket's own; two names may have become one.
            if name == "le" || name == "quantile" { name = "label_\(name)" }
            guard names.insert(name).inserted else { continue }
            if !text.bytes.isEmpty { text.put(",") }
            text.put(name)
            text.put("=\"")
            text.putEscaped(label.value, quote: true)
            text.put("\"")
        }
        return text.bytes
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func putEscaped(_ text: String, quote: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): put("\\\\")
            case UInt8(ascii: "\n"): put("\\n")
            case UInt8(ascii: "\"") where quote: put("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        // Whole numbers up to here are exact; beyond, and for fractions, the shortest text that reads back the same.
        if value.magnitude < 0x1p53, let whole = Int(exactly: value) { return String(whole) }
        return real(value)
    }

    private static func real(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.description
    }
}

/// One part of an `Accept` header (RFC 9110 §12.5.1).
private struct AcceptRange {
    var type: String
    var version: String?
    var quality = 1.0

    init(_ text: Substring) {
        let parts = text.split(separator: ";").map { $0.trimmed.lowercased() }
        type = parts.first ?? ""
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map { String($0.trimmed) }
            guard pair.count == 2 else { continue }
            if pair[0] == "q" { quality = Double(pair[1]).map { min(max($0, 0), 1) } ?? 0 }
            if pair[0] == "version" { version = pair[1].filter { $0 != "\"" } }
        }
    }
}

extension Substring {
    /// The text without blanks around it.
    fileprivate var trimmed: Substring {
        var rest = self
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
