import CoreMetrics
import Kernel
import Testing

@testable import Telemetry

/// What is counted, under which labels, and how much of it there can be.
@Suite struct MetricRegistryTests {
    private let registry = MetricRegistry()

    private func points(_ metric: Metric) -> [MetricSnapshot.Point] {
        registry.snapshot().families.first { $0.name == metric.rawValue }?.points ?? []
    }

    private func value(_ metric: Metric, _ labels: [String] = []) -> Double? {
        for point in points(metric) where point.labels.map(\.value) == labels {
            if case .number(let value) = point.reading { return value }
        }
        return nil
    }

    private func histogram(_ metric: Metric, _ labels: [String] = []) -> MetricSnapshot.Histogram? {
        for point in points(metric) where point.labels.map(\.value) == labels {
            if case .histogram(let histogram) = point.reading { return histogram }
        }
        return nil
    }

    @Test func concurrentRecordsAreAllCounted() async {
        let (tasks, records) = (8, 10_000)
        await withTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    for record in 0..<records {
                        registry.count(.processExits, ["exit"])
                        registry.count(.volumeStreamBytes, ["in", "gzip"], by: 0.5)
                        registry.observe(.phaseDuration, ["nat"], Double(record % 4) * 0.25)
                        registry.count(.launchFailures, ["step\(record % 10)", "E\(task)"])
                    }
                }
            }
        }
        let all = Double(tasks * records)
        #expect(value(.processExits, ["exit"]) == all)
        #expect(value(.volumeStreamBytes, ["in", "gzip"]) == all / 2)
        #expect(histogram(.phaseDuration, ["nat"])?.count == UInt64(all))
        // All of these fractions are exact in binary.
        #expect(histogram(.phaseDuration, ["nat"])?.sum == all / 4 * 1.5)
        #expect(points(.launchFailures).count == 10 * tasks)
        #expect(value(.launchFailures, ["step3", "E7"]) == Double(records / 10))
    }

    @Test func labelsBeyondTheBoundAreOtherAndCounted() {
        let bound = Metric.launchFailures.labelSetsMax
        for number in 0..<bound + 50 { registry.count(.launchFailures, ["step", "\(number)"]) }
        registry.count(.launchFailures, ["step", "0"])
        #expect(points(.launchFailures).count == bound + 1)
        #expect(value(.launchFailures, ["step", "0"]) == 2)
        #expect(value(.launchFailures, ["other", "other"]) == 50)
        #expect(value(.labelOverflows, [Metric.launchFailures.rawValue]) == 50)
    }

    @Test func labelValuesAreCut() {
        registry.count(.processExits, [String(repeating: "ä", count: 100)])
        #expect(points(.processExits).first?.labels.first?.value == String(repeating: "ä", count: 64))
    }

    @Test func observationsGoToTheBucketWhoseBoundTheyDoNotExceed() throws {
        for seconds in [0, 0.0005, 0.000_500_1, 60, 61, .infinity, -1, .nan] {
            registry.observe(.admissionWait, [], seconds)
        }
        let histogram = try #require(self.histogram(.admissionWait))
        #expect(histogram.counts.first == 3)
        #expect(histogram.counts[1] == 1)
        #expect(histogram.counts[15] == 1)
        #expect(histogram.counts.last == 2)
        #expect(histogram.count == 7)
        #expect(histogram.sum == .infinity)
    }

    @Test func theLastExemplarOfABucketIsKept() throws {
        let spans = try (1...2).map { number in
            MetricExemplar(
                traceID: try #require(TraceID(high: 1, low: UInt64(number))),
                spanID: try #require(SpanID(UInt64(number))), value: 0.1, time: UInt64(number))
        }
        registry.observe(.admissionWait, [], 0.1, exemplar: spans[0])
        registry.observe(.admissionWait, [], 0.1, exemplar: spans[1])
        registry.observe(.admissionWait, [], 0.1)
        #expect(histogram(.admissionWait)?.exemplars.compactMap { $0 } == [spans[1]])
    }

    @Test func sourcesAreReadWhenSomebodyLooks() {
        #expect(points(.containers).isEmpty)
        #expect(points(.processes).isEmpty)
        registry.add { readings in
            readings.add(.containers, ["active"], 2)
            readings.add(.containers, ["active"], 1)
            readings.add(.processes, [], 0)
        }
        registry.add(HostSources.uptime(since: 0))
        registry.add(HostSources.disk(of: "/"))
        registry.add(HostSources.disk(of: "/does/not/exist"))
        registry.add(HostSources.identity(version: "1.2") { Resource(serviceVersion: "1.2") })
        #expect(value(.containers, ["active"]) == 3)
        #expect(value(.processes) == 0)
        #expect((value(.uptime) ?? 0) > 0)
        #expect(value(.diskBytes, ["used"]) != nil)
        #expect(value(.buildInfo, ["1.2"]) == 1)
        #expect(points(.targetInfo).first?.labels.contains(.init("service.version", "1.2")) == true)
    }

    @Test func whatSourcesCountThemselvesIsTaken() {
        let counted = MetricSnapshot.Histogram(bounds: [1], counts: [2, 3], sum: 40, exemplars: [nil, nil])
        registry.add { readings in
            readings.set(.exportDuration, ["otlp_grpc_span_exporter"], counted)
            readings.add(.spansExported, ["otlp_grpc_span_exporter", ""], 5)
        }
        #expect(histogram(.exportDuration, ["otlp_grpc_span_exporter"]) == counted)
        #expect(value(.spansExported, ["otlp_grpc_span_exporter", ""]) == 5)
    }

    @Test func whatSourcesGiveIsBoundedToo() {
        registry.add { readings in
            for number in 0..<1000 { readings.add(.volumes, ["\(number)"], 1) }
        }
        let bound = Metric.volumes.labelSetsMax
        #expect(points(.volumes).count == bound + 1)
        #expect(value(.volumes, ["other"]) == Double(1000 - bound))
    }

    @Test func pressureIsReadAsTheKernelWritesIt() {
        let text = """
            some avg10=95.35 avg60=93.23 avg300=83.59 total=4755188065
            full avg10=0.00 avg60=0.00 avg300=0.00 total=0
            """
        let stalls = HostSources.stalls(text)
        #expect(stalls.map(\.kind) == ["some", "full"])
        #expect(stalls.map(\.seconds) == [4755.188_065, 0])
        #expect(HostSources.stalls("nonsense\n\nsome total=x").isEmpty)
    }

    // MARK: libraries

    private var factory: ApronMetricsFactory { ApronMetricsFactory(registry) }

    private func family(_ name: String) -> MetricSnapshot.Family? {
        registry.snapshot().families.first { $0.name == name }
    }

    @Test func librariesJoinIn() throws {
        Counter(label: "pool.connections", dimensions: [("db", "a"), ("host", "b")], factory: factory).increment(by: 3)
        Counter(label: "pool.connections", dimensions: [("host", "b"), ("db", "a")], factory: factory).increment()
        FloatingPointCounter(label: "work_total", factory: factory).increment(by: 1.25)
        let meter = Meter(label: "4th level", factory: factory)
        meter.set(5)
        meter.decrement(by: 1.5)
        Recorder(label: "sizes", factory: factory).record(3)
        Gauge(label: "last", factory: factory).record(9)
        CoreMetrics.Timer(label: "request", factory: factory).recordMilliseconds(2)
        #expect(family("pool_connections_total")?.points.map(\.reading) == [.number(4)])
        #expect(family("work_total")?.points.first?.reading == .number(1.25))
        #expect(family("_4th_level")?.points.first?.reading == .number(3.5))
        #expect(family("last")?.points.first?.reading == .number(9))
        guard case .histogram(let timer) = family("request_seconds")?.points.first?.reading,
            case .histogram(let sizes) = family("sizes")?.points.first?.reading
        else {
            Issue.record("no histograms")
            return
        }
        #expect(timer.sum == 0.002)
        #expect(sizes.counts[1] == 1)
    }

    @Test func librariesCannotTakeOurNamesOrFillTheMemory() {
        Counter(label: "apron.process.exits", factory: factory).increment()
        Meter(label: "sizes", factory: factory).set(1)
        Recorder(label: "sizes", factory: factory).record(3)
        for number in 0..<300 { Counter(label: "c\(number)", factory: factory).increment() }
        for number in 0..<300 { Meter(label: "sizes", dimensions: [("n", "\(number)")], factory: factory).set(1) }
        #expect(value(.processExits, ["exit"]) == nil)
        #expect(family("sizes")?.kind == .gauge)
        #expect(family("sizes")?.points.count == LibraryMetrics.seriesMax + 1)
        let libraries = registry.snapshot().families.filter { $0.help == "Recorded by a library." }
        #expect(libraries.count == LibraryMetrics.familiesMax)
        #expect((value(.labelOverflows, ["other"]) ?? 0) >= 2)
    }
}
