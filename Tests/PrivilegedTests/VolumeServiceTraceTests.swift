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
