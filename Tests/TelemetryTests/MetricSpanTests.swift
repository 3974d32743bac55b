import Kernel
import Testing

@testable import Telemetry

/// What is counted when spans end.
@Suite struct MetricSpanTests {
    private let registry = MetricRegistry()

    private func points(_ metric: Metric) -> [String: MetricSnapshot.Reading] {
        let family = registry.snapshot().families.first { $0.name == metric.rawValue }
        return Dictionary(
            (family?.points ?? []).map { ($0.labels.map(\.value).joined(separator: " "), $0.reading) }
        ) { first, _ in first }
    }

    private func counts(_ metric: Metric) -> [String: Int] {
        points(metric).compactMapValues { reading in
            switch reading {
            case .number(let value): value == 0 ? nil : Int(value)
            case .histogram(let histogram): Int(histogram.count)
            }
        }
    }

    /// Begins, describes and ends a span for this test's registry.
    @discardableResult
    private func span(
        _ phase: Phase, name: String? = nil, parent: OpenSpan? = nil, _ attributes: [Attribute] = [],
        error: String? = nil, seconds: Double = 0.3, describe: (OpenSpan) -> Void = { _ in }
    ) -> OpenSpan {
        #expect(Recording.isOn)
        let start = bootTime()
        let span = Telemetry.start(phase, name: name, parent: parent?.context, start: start, attributes: attributes)
        describe(span)
        if let error { span.status(.error(error, "it failed")) }
        let end = start + UInt64(seconds * 1e9)
        span.end(at: end)
        registry.spans.began(
            span.context.isSampled, hasParent: parent != nil, parentIsRemote: span.recorded.parentIsRemote)
        if let ended = span.ended { registry.spans.ended(ended) }
        return span
    }

    @Test func phasesAreMeasuredWithTheirSpanAsExemplar() throws {
        let span = span(.containerCreate)
        guard case .histogram(let histogram) = points(.phaseDuration)["container.create"] else {
            Issue.record("no histogram")
            return
        }
        let exemplar = try #require(histogram.exemplars.compactMap { $0 }.first)
        #expect(exemplar.traceID == span.context.traceID)
        #expect(exemplar.spanID == span.context.spanID)
        #expect(abs(exemplar.value - 0.3) < 1e-9)
        #expect(exemplar.time == ClockAnchor.current.unixTime(span.start + 300_000_000))
        #expect(histogram.sum == exemplar.value)
        #expect(points(.containerCreateDuration)["ok"] == .histogram(histogram))
    }

    @Test func onlySampledTracesAreExemplars() throws {
        let context = TraceContext(traceID: .random(), spanID: .random(), flags: .random)
        let span = Telemetry.start(.wait, parent: context)
        span.end()
        registry.spans.ended(try #require(span.ended))
        guard case .histogram(let histogram) = points(.phaseDuration)["wait"] else {
            Issue.record("no histogram")
            return
        }
        #expect(histogram.count == 1)
        #expect(histogram.exemplars.allSatisfy { $0 == nil })
    }

    @Test func containersAndProgramsAreMeasuredByOutcome() {
        span(.containerCreate)
        span(.containerCreate, error: "ENOSPC")
        span(.containerDestroy)
        span(.processSpawn, error: "ENOENT")
        span(.admission)
        #expect(counts(.containerCreateDuration) == ["ok": 1, "error": 1])
        #expect(counts(.containerDestroyDuration) == ["ok": 1])
        #expect(counts(.processSpawnDuration) == ["error": 1])
        #expect(counts(.admissionWait) == ["": 1])
        #expect(counts(.launchFailures) == ["process.spawn ENOENT": 1])
    }

    @Test func aLaunchIsCountedOnceByTheStepThatFailed() throws {
        let launch = Telemetry.start(.containerLaunch, parent: nil)
        let group = span(.childMounts, parent: launch, error: "EPERM")
        span(.childMounts, name: "step.mount", parent: group, error: "EPERM")
        span(.childMounts, name: "step.mkdir", parent: group)
        launch.status(.error("EPERM", "mount: EPERM"))
        launch.end()
        registry.spans.ended(try #require(launch.ended))
        span(.containerLaunch, error: "EAGAIN")
        span(.cgroupCreate, error: "EACCES")
        span(.cgroupCreate)
        #expect(
            counts(.launchFailures) == ["mount EPERM": 1, "container.launch EAGAIN": 1, "cgroup.create EACCES": 1])
        // Steps lie within the span of their group.
        #expect(counts(.phaseDuration)["child.mounts"] == 1)
    }

    @Test func endsOfProgramsAreCountedByReason() {
        span(.process, [Attribute("apron.exit.reason", .string("exit"))])
        span(.process, [Attribute("apron.exit.reason", .string("oom"))]) { $0.event("oom_kill") }
        span(.process, error: "ProcessOneDied")
        #expect(counts(.processExits) == ["exit": 1, "oom": 1, "lost": 1])
        #expect(counts(.oomKills) == ["": 1])
    }

    @Test func volumesAreMeasured() {
        span(
            .volumeCreate,
            [Attribute("apron.volume.strategy", .string("cow")), Attribute("apron.cache.outcome", .string("hit"))])
        span(.volumeCreate, error: "EIO")
        span(.volumeMount, [Attribute("apron.cache.outcome", .string("miss"))])
        span(.rootfsPrepare, [Attribute("apron.cache.outcome", .string("joined"))])
        let stream = [
            Attribute("apron.archive.encoding", .string("zstd")), Attribute("apron.archive.encoded_bytes", .int(1000)),
        ]
        span(.volumeStreamIn, stream)
        span(.volumeStreamOut, stream + [Attribute("apron.transfer.cancelled", .string("gone"))])
        span(.volumeP2P, stream)
        #expect(counts(.volumeCreateDuration) == ["cow ok": 1, "unknown error": 1])
        #expect(counts(.cacheRequests) == ["volume hit": 1, "mount miss": 1, "image joined": 1])
        #expect(counts(.volumeStreamDuration) == ["in zstd ok": 1, "out zstd cancelled": 1, "p2p zstd ok": 1])
        #expect(counts(.volumeStreamBytes) == ["in zstd": 1000, "out zstd": 1000])
    }

    @Test func requestsAreMeasuredByRouteAndNotByWhatClientsInvent() {
        func request(_ method: String, _ route: String?, _ status: Int64) {
            let route = route.map { [Attribute("http.route", .string($0))] } ?? []
            span(
                .httpServer,
                [
                    Attribute("http.request.method", .string(method)),
                    Attribute("http.response.status_code", .int(status)),
                    Attribute("url.path", .string("/secret")),
                ] + route)
        }
        request("GET", "/containers/:handle", 200)
        request("BREW", nil, 404)
        request("MILK", nil, 404)
        #expect(counts(.httpServerDuration) == ["GET /containers/:handle 200": 1, "_OTHER  404": 2])
    }

    @Test func spansThemselvesAreCounted() {
        let root = span(.kill)
        span(.wait, parent: root)
        let open = Telemetry.start(.unmount, parent: root.context)
        registry.spans.began(true, hasParent: true, parentIsRemote: false)
        #expect(counts(.spansStarted) == ["none RECORD_AND_SAMPLE": 1, "local RECORD_AND_SAMPLE": 2])
        #expect(counts(.spansLive) == ["RECORD_AND_SAMPLE": 1])
        open.end()
    }

    @Test func whatEndsIsCountedWithoutFurtherAdo() throws {
        func count() -> UInt64 {
            let family = Metrics.shared.snapshot().families.first { $0.name == Metric.phaseDuration.rawValue }
            for point in family?.points ?? [] where point.labels.first?.value == "volume.privilege" {
                if case .histogram(let histogram) = point.reading { return histogram.count }
            }
            return 0
        }
        #expect(Recording.isOn)
        Metrics.enable()
        let before = count()
        traced(.volumePrivilege) { _ in }
        #expect(count() >= before + 1)
    }
}
