import TestSupport
import Testing

@testable import Telemetry

/// The list of metrics in the documentation is what the source says.
@Suite struct MetricPageTests {
    @Test func theListIsUpToDate() throws {
        var lines = ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
        for metric in Metric.allCases {
            let kind =
                switch metric.kind {
                case .counter: "counter"
                case .gauge: "gauge"
                case .histogram: "histogram"
                case .info: "info"
                }
            let labels = metric.labels.map { "`\($0.prometheusName)`" }.joined(separator: ", ")
            lines.append("| `\(metric.rawValue)` | \(kind) | \(labels) | \(metric.help) |")
        }
        try GeneratedSection("metrics", of: "Sources/Worker/Worker.docc/Metrics.md")
            .check(lines.joined(separator: "\n"))
    }

    @Test func labelsAndNamesFollowTheRules() {
        let forbidden: Set = ["handle", "container", "trace_id", "path", "team", "pipeline", "le", "quantile"]
        for metric in Metric.allCases {
            #expect(metric.rawValue == metric.rawValue.prometheusName)
            #expect(metric.help.hasSuffix("."))
            #expect(forbidden.isDisjoint(with: metric.labels))
            #expect(Set(metric.labels.map(\.prometheusName)).count == metric.labels.count)
            #expect((metric.kind == .counter) == metric.rawValue.hasSuffix("_total"))
            if case .histogram(let bounds) = metric.kind {
                #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
            }
        }
    }
}
