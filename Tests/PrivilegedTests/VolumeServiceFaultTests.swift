import Kernel
import Storage
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// Every phase of a volume's life fails once: the error says what failed, nothing is left, and the same works
/// afterwards.
@Suite(.hostUnchanged, .serialized) struct VolumeServiceFaultTests {
    private static let fault = FaultPlan.Fault.kernel(.noSpace, call: "fault")

    /// Runs `body` with a phase that fails, and returns the error's cause.
    private func cause(
        of phase: Phase, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async -> KernelError? {
        let plan = FaultPlan([phase: Self.fault])
        let error = await failure(sourceLocation: sourceLocation) { try await plan.run { try await body() } }
        #expect(plan.fired == [phase], "\(phase): \(error as Any)", sourceLocation: sourceLocation)
        return (error as? any KernelCaused)?.kernelCause
    }

    @Test func creationLeavesNothing() async throws {
        try await VolumeSite.with { site in
            _ = try site.site.scratch.makeDirectories("tree/with/files")
            let tree = "\(site.site.scratch.path)/tree"
            try await site.make("parent", .importing(path: tree, followsSymlinks: false))
            let cases: [(VolumeRequest.Strategy, [Phase])] = [
                (.empty, [.volumeCreate, .stateCommit]),
                (.copyOnWrite(parent: "parent"), [.volumeCreate, .volumeSeal, .stateCommit]),
                (.importing(path: tree, followsSymlinks: false), [.volumeCreate, .volumeImport, .stateCommit]),
            ]
            for (strategy, phases) in cases {
                for phase in phases {
                    try await site.expectNoTrace {
                        let cause = await self.cause(of: phase) { try await site.make("faulty", strategy) }
                        #expect(cause?.call == "fault", "\(strategy) \(phase)")
                    }
                }
                try await site.make("faulty", strategy)
                try await site.volumes.destroy("faulty")
            }
        }
    }

    @Test func changesCanBeRepeated() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let path = try await site.make("stubborn")
            try await site.site.create("writer") { request in
                request.bindMounts = [.init(source: path, destination: "/data", writable: true)]
            }
            _ = try await site.site.shell("writer", "echo kept >/data/file")
            try await site.site.service.destroy("writer")
            for phase in [Phase.volumePrivilege, .volumeOwners] {
                let cause = await self.cause(of: phase) { try await volumes.setPrivileged("stubborn", to: true) }
                #expect(cause?.call == "fault", "\(phase)")
                #expect(try await !volumes.find("stubborn").isPrivileged)
            }
            try await volumes.setPrivileged("stubborn", to: true)
            let cause = await self.cause(of: .volumeDestroy) { try await volumes.destroy("stubborn") }
            #expect(cause?.call == "fault")
            try await volumes.destroy("stubborn")
        }
    }

    @Test func aContainerThatCannotMountLeavesVolumesUnused() async throws {
        try await VolumeSite.with { site in
            let (volumes, containers) = (try site.volumes, site.site)
            try await site.make("image", .importing(path: containers.image, followsSymlinks: false))
            let root = try await site.make("root", .copyOnWrite(parent: "image"))
            let data = try await site.make("data")
            func create() async throws {
                try await containers.create("box", rootfs: "raw://\(root)") { request in
                    request.bindMounts = [.init(source: data, destination: "/data", writable: true)]
                }
            }
            // Layers that are made for the first writer stay.
            try await create()
            try await containers.service.destroy("box")
            for phase in [Phase.volumeMount, .overlayMount, .cgroupCreate, .containerLaunch, .stateCommit] {
                try await site.expectNoTrace {
                    let cause = await self.cause(of: phase) { try await create() }
                    #expect(cause?.call == "fault", "\(phase)")
                    let users = try ["data", "root"].flatMap { try volumes.store.inspect($0).users }
                    #expect(users.isEmpty, "\(phase)")
                }
            }
            try await create()
            #expect(try await containers.shell("box", "echo works | tee /data/file") == "works")

            // A container whose process 1 cannot be started again keeps its volumes.
            try await containers.killProcessOne("box")
            let cause = await self.cause(of: .containerLaunch) { _ = try await containers.shell("box", "true") }
            #expect(cause?.call == "fault")
            #expect(await site.kind { try await volumes.destroy("data") } == .inUse)
            #expect(try await containers.shell("box", "cat /data/file") == "works")
        }
    }
}
