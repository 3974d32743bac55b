import Kernel
import Runtime
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// Every phase of making, using and removing a container fails once: the error says what failed, nothing is left, and
/// the same request works afterwards.
@Suite(.hostUnchanged, .serialized) struct FaultTests {
    private static let creating: [Phase] = [
        .containerCreate, .admission, .rootfsPrepare, .cgroupCreate, .containerLaunch, .childStart, .networkCreate,
        .address, .veth, .stateCommit,
    ]
    private static let removing: [Phase] = [
        .containerDestroy, .kill, .wait, .unmount, .networkDelete, .cgroupRemove, .stateRemove,
    ]

    @Test func creationLeavesNothing() async throws {
        try await LaunchSite.with(network: true) { site in
            // What is made once for all containers is there after the first.
            try await site.create("first")
            try await site.service.destroy("first")
            for phase in Self.creating {
                for privileged in [false, true] {
                    try await site.expectNoTrace {
                        let plan = FaultPlan([phase: .kernel(.noSpace, call: "fault")])
                        let error = await failure {
                            try await plan.run { try await site.create("faulty", privileged: privileged) }
                        }
                        #expect(plan.fired == [phase])
                        let cause = (error as? WorkerError)?.cause
                        #expect(cause?.errno == .noSpace && cause?.call == "fault", "\(phase): \(error as Any)")
                    }
                }
            }
            try await site.create("faulty")
            #expect(try await site.shell("faulty", "echo works") == "works")
        }
    }

    @Test func removalCanBeRepeated() async throws {
        try await LaunchSite.with(network: true) { site in
            try await site.create("first")
            try await site.service.destroy("first")
            for phase in Self.removing {
                try await site.expectNoTrace {
                    try await site.create("stubborn")
                    let program = try await site.start("stubborn", ["/bin/sleep", "1000"])
                    let plan = FaultPlan([phase: .kernel(.inputOutput, call: "fault")])
                    let error = await failure { try await plan.run { try await site.service.destroy("stubborn") } }
                    #expect(plan.fired == [phase])
                    #expect((error as? WorkerError)?.cause?.errno == .inputOutput)
                    #expect(try await site.service.list([:]) == ["stubborn"], "\(phase)")
                    try await site.service.destroy("stubborn")
                    _ = try? await program.wait()
                    await program.detach(cleanly: true)
                }
            }
        }
    }

    @Test func spawnLeavesNothing() async throws {
        try await LaunchSite.with { site in
            try await site.create("box")
            // The first program makes what all later ones use.
            _ = try await site.shell("box", "true")
            try await site.expectNoTrace {
                let plan = FaultPlan([.processSpawn: .kernel(.noMemory, call: "fault")])
                let error = await failure { try await plan.run { _ = try await site.shell("box", "true") } }
                #expect((error as? WorkerError)?.cause?.errno == .noMemory)
            }
            #expect(try await site.shell("box", "echo works") == "works")
        }
    }

    @Test func aFailedRestartCanBeRepeated() async throws {
        try await LaunchSite.with(network: true) { site in
            for phase in [Phase.rootfsPrepare, .cgroupCreate, .containerLaunch, .networkCreate] {
                try await site.expectNoTrace {
                    try await site.create("phoenix")
                    _ = try await site.shell("phoenix", "echo kept >/root/file")
                    try await site.killProcessOne("phoenix")
                    let plan = FaultPlan([phase: .kernel(.noSpace, call: "fault")])
                    let error = await failure { try await plan.run { _ = try await site.shell("phoenix", "true") } }
                    #expect((error as? WorkerError)?.cause?.call == "fault", "\(phase): \(error as Any)")
                    #expect(try await site.shell("phoenix", "cat /root/file") == "kept", "\(phase)")
                    try await site.service.destroy("phoenix")
                }
            }
        }
    }
}

extension LaunchSite {
    /// Kills a container's process 1 from outside and waits until the worker knows.
    func killProcessOne(_ handle: String) async throws {
        let container = try service.registry.find(handle)
        let kernel = try #require(container.kernel)
        try kernel.process.kill()
        let deadline = bootTime() + 30_000_000_000
        while !kernel.hasEnded {
            try #require(bootTime() < deadline, "process 1 of \(handle) does not end")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension ErrorNumber {
    static let inputOutput = ErrorNumber(rawValue: 5)
}
