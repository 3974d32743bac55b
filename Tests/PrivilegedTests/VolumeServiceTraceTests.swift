import Kernel
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// What traces say of volumes.
@Suite(.hostUnchanged, .serialized) struct VolumeServiceTraceTests {
    private static let patience = Duration.seconds(60)

    init() throws { try Telemetry.configure(Telemetry.Configuration()) }

    /// Runs `body` below a span of its own and returns the spans of its trace by name.
    private func spans(of body: () async throws -> Void) async throws -> [String: [RecordedSpan]] {
        let request = Telemetry.start(.httpServer, parent: nil)
        try await request.run { try await body() }
        request.end()
        let spans = Telemetry.store.spans(trace: request.context.traceID)
        return Dictionary(grouping: spans, by: \.name)
    }

    @Test func aCreationOutlivesItsRequest() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            try await site.make("image", .importing(path: site.site.image, followsSymlinks: false))
            let spans = try await spans {
                let request = VolumeRequest(handle: "child", strategy: .copyOnWrite(parent: "image"))
                _ = try await volumes.beginCreation(request)
                _ = try await volumes.creation("child", wait: Self.patience)
            }
            let create = try #require(spans["volume.create"]?.first)
            #expect(create.parentID == spans["http.server"]?.first?.context.spanID)
            #expect(create.handle == "child" && !create.isUnfinished)
            #expect(create.value("apron.volume.strategy") == .string("cow"))
            #expect(create.value("apron.volume.parent") == .string("image"))
            #expect(create.value("apron.cache.outcome") == .string("hit"))
            #expect(create.links.count == 1)
            #expect(spans["state.commit"]?.first?.parentID == create.context.spanID)
            #expect(await volumes.traceContext(of: "child")?.spanID == create.context.spanID)

            let later = try await self.spans { try await volumes.destroy("child") }
            let destroy = try #require(later["volume.destroy"]?.first)
            #expect(destroy.links.map(\.context.spanID) == [create.context.spanID])
            #expect(destroy.value("apron.volume.age") != nil)
        }
    }

    /// As a worker leaves things that was killed in the middle.
    @Test func spansOutliveTheWorker() async throws {
        try await VolumeSite.with { site in
            try await site.make("parent")
            let facilities = try site.volumes.facilities
            var contexts: [String: TraceContext] = [:]
            func begin(_ handle: String, _ phase: Phase, _ failure: CreationFiles.Entry.Failure? = nil) throws {
                let span = Telemetry.start(phase, parent: nil)
                span.setHandle(handle)
                facilities.spans.keep(span)
                contexts[handle] = span.context
                guard phase == .volumeCreate else { return }
                let request = VolumeRequest(handle: handle, strategy: .copyOnWrite(parent: "parent"))
                try facilities.files.write(
                    CreationFiles.Entry(
                        request: request, span: "\(span.context.spanID)", began: realTime(), failure: failure), handle)
            }
            try begin("halfway", .volumeCreate)
            try begin("parent", .volumeCreate)
            try begin("failed", .volumeCreate, .init(kind: .noSpace, message: "disk is full"))
            try begin("stream", .volumeStreamIn)

            _ = try await site.restart()
            #expect(try await site.volumes.creation("halfway", wait: Self.patience)?.handle == "halfway")
            var ended: [String: RecordedSpan] = [:]
            for (handle, context) in contexts {
                let spans = Telemetry.store.spans(trace: context.traceID)
                let span = try #require(spans.first { $0.context.spanID == context.spanID && !$0.isUnfinished })
                #expect(span.events.map(\.name) == ["worker_restarted"])
                #expect(span.handle == handle)
                ended[handle] = span
                // What goes on does so below it.
                let commits = spans.filter { $0.name == "state.commit" }.map(\.parentID)
                #expect(commits == (handle == "halfway" ? [context.spanID] : []))
            }
            #expect(ended["halfway"]?.status.isError == false)
            #expect(ended["halfway"]?.value("apron.end.estimated") == nil)
            #expect(ended["parent"]?.status.isError == false)
            #expect(ended["parent"]?.value("apron.end.estimated") == .bool(true))
            #expect(ended["failed"]?.status == .error("noSpace", "disk is full"))
            #expect(ended["stream"]?.status.isError == true)
            #expect(try await site.volumes.traceContext(of: "halfway")?.spanID == contexts["halfway"]?.spanID)
            #expect(try Directory("\(site.directory)/spans").isEmpty())
            for handle in ["halfway", "parent", "failed"] { try await site.volumes.cancelCreation(handle) }
        }
    }

    @Test func aContainersVolumesAreOnItsTrace() async throws {
        try await VolumeSite.with { site in
            try await site.make("image", .importing(path: site.site.image, followsSymlinks: false))
            let root = try await site.make("root", .copyOnWrite(parent: "image"))
            let spans = try await spans { try await site.site.create("box", rootfs: "raw://\(root)") }
            let mount = try #require(spans["volume.mount"]?.first)
            #expect(mount.parentID == spans["rootfs.prepare"]?.first?.context.spanID)
            #expect(mount.value("apron.volume.handle") == .string("root"))
            #expect(mount.value("apron.cache.outcome") == .string("miss"))
            #expect(spans["overlay.mount"]?.first?.parentID == mount.context.spanID)
            let again = try await self.spans { try await site.site.create("second", rootfs: "raw://\(root)") }
            #expect(again["volume.mount"]?.first?.value("apron.cache.outcome") == .string("hit"))
        }
    }

    @Test func failuresNameTheCall() async throws {
        try await VolumeSite.with { site in
            let spans = try await spans {
                _ = await failure {
                    try await site.make("bad", .importing(path: "/no/such/path", followsSymlinks: false))
                }
            }
            let create = try #require(spans["volume.create"]?.first)
            #expect(create.value("apron.syscall") == .string("openat2"))
            #expect(create.value("apron.path") == .string("/no/such/path"))
            guard case .error(let type, _) = create.status else {
                Issue.record("the span has not failed")
                return
            }
            #expect(type == "ENOENT")
        }
    }
}

extension RecordedSpan {
    func value(_ key: AttributeKey) -> AttributeValue? { attributes.first { $0.key == key }?.value }
}
