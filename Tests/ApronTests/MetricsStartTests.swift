import CoreMetrics
import Logging
import Telemetry
import Testing

@testable import apron

/// Metrics as the worker sets them up.
@Suite struct MetricsStartTests {
    private func configuration(_ arguments: [String], _ environment: [String: String] = [:]) throws
        -> WorkerConfiguration
    {
        try WorkerConfiguration(arguments: ["--work-dir=/w"] + arguments, environment: environment, hostName: "h")
    }

    /// In a process of its own, since a process can join libraries in once.
    @Test func whatLibrariesRecordIsAmongTheMetrics() async {
        await #expect(processExitsWith: .success) {
            let configuration = try WorkerConfiguration(arguments: ["--work-dir=/w"], environment: [:], hostName: "h")
            MetricsStart.begin(configuration)
            // A second start in the same process is no failure.
            MetricsStart.begin(configuration)
            Counter(label: "pool.requests-made", dimensions: [("db", "a\"b")]).increment(by: 3)
            for number in 0..<10_000 { Counter(label: "many", dimensions: [("n", "\(number)")]).increment() }
            let text = String(decoding: Exposition.text(Metrics.shared.snapshot(), .prometheus), as: UTF8.self)
            precondition(text.contains("\npool_requests_made_total{db=\"a\\\"b\"} 3\n"), "\(text)")
            precondition(text.split(separator: "\n").count { $0.hasPrefix("many_total{") } == 201)
            precondition(text.contains("\nmany_total{n=\"other\"} 9800\n"))
        }
    }

    @Test func nothingIsCountedWhenNobodyCanLook() async {
        await #expect(processExitsWith: .success) {
            MetricsStart.begin(
                try WorkerConfiguration(
                    arguments: ["--work-dir=/w", "--operations-bind-port=0"], environment: [:], hostName: "h"))
            precondition(!Metrics.isOn)
            Counter(label: "pool.requests").increment()
            precondition(!Metrics.shared.snapshot().families.contains { $0.name.hasPrefix("pool") })
            MetricsStart.begin(
                try WorkerConfiguration(
                    arguments: ["--work-dir=/w", "--operations-bind-port=0"],
                    environment: ["OTEL_METRICS_EXPORTER": "otlp"], hostName: "h"))
            precondition(Metrics.isOn)
        }
    }

    @Test func certificatesThatCannotBeReadAreToldAtTheStart() throws {
        let settings = try configuration(
            [],
            [
                "OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://a:1",
                "OTEL_EXPORTER_OTLP_CERTIFICATE": "/does/not/exist",
            ]
        ).telemetry
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        #expect(MetricsStart.readers(settings, logger: silent).isEmpty)
    }
}
