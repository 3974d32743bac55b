import Foundation
import TestSupport
import Testing

@testable import Telemetry

/// The dashboard asks for nothing that does not exist, and shows everything that does.
@Suite struct MetricDashboardTests {
    private static let path = "dashboards/apron.json"
    /// Labels that Prometheus adds to every series, and that of buckets.
    private static let added: Set = ["instance", "job", "le"]

    /// The samples of a metric, as queries name them.
    private static func samples(_ metric: Metric) -> [String] {
        if case .histogram = metric.kind {
            return ["_bucket", "_sum", "_count"].map { metric.rawValue + $0 }
        }
        return [metric.rawValue]
    }

    private static let metrics = Dictionary(
        uniqueKeysWithValues: Metric.allCases.flatMap { metric in samples(metric).map { ($0, metric) } })

    /// A panel's query, with how its series are called.
    private struct Query {
        var text: String
        var legend: String
    }

    private func queries() throws -> [Query] {
        let json = try JSONSerialization.jsonObject(with: Data(GeneratedSection.text(of: Self.path).utf8))
        let dashboard = try #require(json as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        return panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }.compactMap { target in
            guard let text = target["expr"] as? String else { return nil }
            return Query(text: text, legend: target["legendFormat"] as? String ?? "")
        }
    }

    private func metrics(of query: String) -> [(name: Substring, metric: Metric?)] {
        // Labels in `by (…)` look like metrics.
        query.replacing(#/\bby \([^)]*\)/#, with: "")
            .matches(of: #/\b(apron|otel|http|target|process)_[a-z_]+(?=[{\[)])/#)
            .map { ($0.output.0, Self.metrics[String($0.output.0)]) }
    }

    @Test func everyMetricAndLabelExists() throws {
        let queries = try queries()
        #expect(queries.count > 20)
        for query in queries {
            let asked = metrics(of: query.text)
            #expect(!asked.isEmpty, "no metric in \(query.text)")
            for (name, metric) in asked { #expect(metric != nil, "\(name) in \(query.text)") }
            let labels = Set(asked.compactMap(\.metric).flatMap(\.labels).map(\.prometheusName)).union(Self.added)
            let used =
                query.text.matches(of: #/(?<label>\w+)(=|!=|=~|!~)"/#).map(\.output.label)
                + query.text.matches(of: #/\bby \((?<labels>[^)]*)\)/#).flatMap { match in
                    match.output.labels.split(separator: ",").map { $0.drop { $0 == " " } }
                }
                + query.legend.matches(of: #/\{\{(?<label>\w+)\}\}/#).map(\.output.label)
            for label in used { #expect(labels.contains(String(label)), "label \(label) in \(query.text)") }
        }
    }

    @Test func everyMetricIsShown() throws {
        let shown = Set(try queries().flatMap { metrics(of: $0.text) }.compactMap(\.metric))
        // What is about the resource serves for joins.
        let missing = Set(Metric.allCases).subtracting(shown).subtracting([.targetInfo])
        #expect(missing.isEmpty, "\(missing)")
    }
}
