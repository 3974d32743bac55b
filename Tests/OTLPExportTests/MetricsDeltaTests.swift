import Logging
import TestSupport
import Testing

@testable import OTLPExport
@testable import Telemetry

/// Metrics for receivers that want the difference to what they got before, as the reference decoder reads them.
@Suite(.serialized) struct MetricsDeltaTests {
    private let registry = MetricRegistry()

    /// What a receiver got.
    private struct Outcome {
        let requests: [Receiver.Request]

        /// The requests that were taken.
        var taken: [Receiver.Request] { requests.filter { $0.action == "\"ok\"" } }

        /// The only series of a metric in each request that was taken; nil where it was left out.
        func points(_ name: String) -> [Receiver.Point?] {
            taken.map { request in request.metrics.first { $0.name == name }?.points.first }
        }

        func temporality(_ name: String) -> [Int] {
            taken.compactMap { request in request.metrics.first { $0.name == name }?.temporality }
        }
    }

    /// Counts something and sends, again and again.
    private func outcome(
        _ temporality: Temporality, script: String = "[]", _ transport: OTLPConfiguration.Transport = .protobuf,
        timeout: Int64 = 60_000, steps: [() -> Void]
    ) throws -> Outcome {
        let receiver = try Receiver(script)
        var configuration = try receiver.configuration(transport)
        configuration.endpoint = try Endpoint(
            "http://127.0.0.1:\(receiver.port(transport))", transport: transport, isBase: true, signal: .metrics)
        configuration.temporality = temporality
        configuration.timeoutMilliseconds = timeout
        let exporter = OTLPMetricsExporter(configuration, logger: silent)
        let patience = try Patience()
        for step in steps {
            step()
            _ = exporter.export(registry.snapshot(), resource: Resource(), patience: patience)
        }
        exporter.close()
        return Outcome(requests: try receiver.requests())
    }

    private func exit(_ times: Double) { registry.count(.processExits, ["exit"], by: times) }

    private func answer(in seconds: Double, _ trace: UInt64 = 1) {
        let exemplar = MetricExemplar(
            traceID: TraceID(high: 1, low: trace) ?? .random(), spanID: SpanID(2) ?? .random(), value: seconds,
            time: trace)
        registry.observe(.httpServerDuration, ["GET", "/", "200"], seconds, exemplar: exemplar)
    }

    @Test(
        "each says what was counted since the one before, and gauges how it is",
        arguments: OTLPConfiguration.Transport.allCases)
    func intervals(transport: OTLPConfiguration.Transport) throws {
        registry.add { $0.add(.diskBytes, ["used"], 4096) }
        let found = try outcome(
            .delta, transport,
            steps: [
                {
                    exit(3)
                    answer(in: 0.5)
                    answer(in: 100)
                },
                {
                    exit(4)
                    answer(in: 0.5, 7)
                },
                {}, { exit(1) },
            ])
        let exits = found.points("apron.process.exits")
        #expect(exits.map { $0?.value } == [3, 4, nil, 1])
        #expect(found.temporality("apron.process.exits") == [1, 1, 1])
        let times = found.points("http.server.request.duration")
        #expect(times.map { $0?.count } == [2, 1, nil, nil])
        #expect(times.map { $0?.value } == [100.5, 0.5, nil, nil])
        #expect(times[0]?.buckets.last == 1 && times[1]?.buckets.last == 0)
        for point in times.prefix(2) { #expect(point?.buckets.reduce(0, +) == point?.count) }
        // One that was sent before stands for nothing of the next interval.
        #expect(times.map { $0?.exemplars.count } == [2, 1, nil, nil] && times[1]?.exemplars.first?[2] == "7")
        #expect(found.temporality("http.server.request.duration") == [1, 1])
        let disk = found.points("apron.disk")
        #expect(disk.map { $0?.value } == [4096, 4096, 4096, 4096])
        #expect(Set(found.temporality("apron.disk")) == [0])
        // The intervals follow each other without a gap, those in which nothing was counted, too.
        let ends = disk.compactMap { $0?.time }
        #expect(exits[1]?.start == ends[0] && exits[3]?.start == ends[2] && times[1]?.start == ends[0])
        #expect(exits.compactMap { $0?.time } == [ends[0], ends[1], ends[3]])
    }

    @Test("what could not be sent is sent again as it was, before what came later") func keeps() throws {
        let found = try outcome(
            .delta, script: #"[{"status": 503, "after": "500"}, {"status": 503, "after": "500"}]"#,
            steps: [{ exit(1) }, { exit(10) }, { exit(100) }])
        #expect(found.requests.count == 5 && found.taken.count == 3)
        let points = found.points("apron.process.exits").compactMap(\.self)
        #expect(points.map(\.value) == [1, 10, 100])
        #expect(points[1].start == points[0].time && points[2].start == points[1].time)
        let all = found.requests.compactMap { request in
            request.metrics.first { $0.name == "apron.process.exits" }?.points.first
        }
        #expect(all.prefix(3).allSatisfy { $0.value == 1 && $0.start == points[0].start && $0.time == points[0].time })
    }

    @Test("what a collector refuses is not said again") func refused() throws {
        let found = try outcome(.delta, script: #"[{"status": 400}]"#, steps: [{ exit(1) }, { exit(10) }])
        #expect(found.requests.count == 2)
        #expect(found.points("apron.process.exits").map { $0?.value } == [10])
    }

    @Test("what waits is bounded, and the oldest goes first") func bounded() throws {
        let bound = OTLPMetricsExporter.unsentMax
        let away = Array(repeating: #"{"status": 503, "after": "500"}"#, count: bound + 2).joined(separator: ",")
        let steps = (1...bound + 3).map { number -> () -> Void in { exit(Double(number)) } }
        let found = try outcome(.delta, script: "[\(away)]", steps: steps)
        #expect(found.points("apron.process.exits").map { $0?.value } == (4...bound + 3).map { Double($0) })
    }

    @Test("with little memory, what others count is cumulative") func lowMemory() throws {
        registry.add { $0.add(.pressure, ["cpu", "some"], 17) }
        let found = try outcome(.lowmemory, steps: [{ exit(1) }, { exit(10) }])
        #expect(found.points("apron.process.exits").map { $0?.value } == [1, 10])
        #expect(found.temporality("apron.process.exits") == [1, 1])
        let pressure = found.points("apron.pressure")
        #expect(pressure.map { $0?.value } == [17, 17] && Set(pressure.map { $0?.start }).count == 1)
        #expect(found.temporality("apron.pressure") == [2, 2])
    }

    @Test("a count that became less began anew, and a clock that was set back makes no negative interval")
    func odd() {
        func snapshot(_ value: Double, at time: UInt64) -> MetricSnapshot {
            let point = MetricSnapshot.Point(labels: [], reading: .number(value))
            let family = MetricSnapshot.Family(name: "a_total", kind: .counter, help: "", points: [point])
            return MetricSnapshot(families: [family], start: 5, time: time)
        }
        let first = snapshot(10, at: 100).since(nil, .delta)
        #expect(first.families[0].since == 5 && first.families[0].points[0].reading == .number(10))
        let next = snapshot(4, at: 90).since(snapshot(10, at: 100), .delta)
        #expect(next.families[0].since == 90 && next.families[0].points[0].reading == .number(4))
        let same = snapshot(10, at: 110).since(snapshot(10, at: 100), .delta)
        #expect(same.families[0].points.isEmpty && same.exportedFamilies.isEmpty)
        #expect(snapshot(10, at: 110).since(snapshot(10, at: 100), .cumulative) == snapshot(10, at: 110))
    }
}
