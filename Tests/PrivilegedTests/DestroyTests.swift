import Kernel
import Runtime
import Telemetry
import TestSupport
import Testing

@testable import Worker

@Suite(.serialized) struct DestroyTests {
    /// Waits until something holds; fails when it does not within half a minute.
    private func eventually(_ what: String, _ holds: () throws -> Bool) async throws {
        let deadline = bootTime() + 30_000_000_000
        while try !holds() {
            try #require(bootTime() < deadline, "not in half a minute: \(what)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func aContainerThatIsStuckIsKilledAtOnce() async throws {
        try await LaunchSite.with { site in
            try await site.create("stuck")
            let container = try site.service.registry.find("stuck")
            let kernel = try #require(container.kernel)
            // Process 1 answers no more, and so the container waits for it.
            try kernel.process.descriptor.with { (process: borrowing Descriptor) throws(KernelError) in
                _ = try sendSignal(19, to: process)
            }
            async let started = failure { _ = try await site.start("stuck", ["/bin/true"]) }
            try await eventually("the run has begun") { try container.files.processes.exists("1.json") }
            try await site.service.destroy("stuck")
            let error = await started as? WorkerError
            #expect(error?.cause?.errno != .timedOut, "\(error as Any)")
            #expect(throws: WorkerError.self) { try site.service.check("stuck") }
        }
    }

    @Test(arguments: [Phase.kill, .wait, .unmount, .networkDelete, .cgroupRemove, .stateRemove])
    func aContainerIsUsableAfterAFailedDestroy(_ phase: Phase) async throws {
        try await LaunchSite.with { site in
            try await site.create("again")
            let plan = FaultPlan([phase: .kernel(.noSpace, call: "fault")])
            let error = await failure { try await plan.run { try await site.service.destroy("again") } }
            #expect((error as? WorkerError)?.cause?.call == "fault")
            let program = try await site.start("again", ["/bin/true"])
            #expect(try await program.wait() == 0)
            await program.detach(cleanly: true)
            // Its idle time counts again.
            try await site.service.setGraceTime("again", nanoseconds: 1)
            try await eventually("it expires") { try site.service.registry.live.allSatisfy { $0.handle != "again" } }
        }
    }

    @Test func aProgramWithoutStreamsIsKilled() async throws {
        try await LaunchSite.with { site in
            try await site.create("mute")
            let container = try site.service.registry.find("mute")
            // In the place of what the program's output would be spooled to.
            try container.files.processes.make("1.stdout")
            let error = await failure { _ = try await site.start("mute", ["/bin/sleep", "1000"]) }
            #expect((error as? WorkerError)?.cause != nil, "\(error as Any)")
            let kernel = try #require(container.kernel)
            try await eventually("the program is dead") { try kernel.process.list().allSatisfy { $0.exit != nil } }
            #expect(try await site.shell("mute", "echo works") == "works")
        }
    }
}
