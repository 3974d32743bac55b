import Foundation
import Kernel
import Runtime
import TestSupport
import Testing

@testable import Worker

/// SIGKILL at any instant of making and removing containers: the next start leaves nothing of it.
@Suite(.hostUnchanged, .serialized) struct LaunchKillTests {
    private static let kills = 30
    /// How long a victim lives after its first container, at most, in milliseconds.
    private static let lifeMax: UInt64 = 120
    @Test func nothingIsLeftAfterAKill() async throws {
        try await LaunchSite.with(network: true) { site in
            try await site.create("first")
            try await site.service.destroy("first")
            try await site.settle()
            let before = try site.traces()
            for _ in 0..<Self.kills {
                try await site.killVictim(
                    afterMilliseconds: .random(in: 0...Self.lifeMax), variable: LaunchVictimTests.variable,
                    test: "LaunchVictimTests")
                let report = try await site.restart()
                #expect(report.failures.isEmpty, "\(report)")
                for handle in try await site.service.list([:]) { try await site.service.destroy(handle) }
                // The lease of a half-made container waits for the kernel to remove its cable.
                try await site.waitForCables()
                try await site.restart()
                try await site.settle()
                let after = try site.traces()
                #expect(after == before)
                #expect(
                    try runProgram("sh", "-c", "grep -l \(site.scratch.path) /proc/[0-9]*/mountinfo || true").isEmpty)
            }
        }
    }
}

/// Not a test: what ``LaunchKillTests`` kills, in a process of its own. It does not compare the host: it never ends.
@Suite struct LaunchVictimTests {
    fileprivate static let variable = "APRON_TEST_VICTIM"

    @Test(.enabled(if: ProcessInfo.processInfo.environment[variable] != nil)) func makesContainersUntilKilled()
        async throws
    {
        let given = try #require(
            ProcessInfo.processInfo.environment[Self.variable]?.split(separator: " ").map(String.init))
        var settings = WorkerSettings(workDirectory: given[0], initPath: given[1])
        settings.defaultRootfs = given[2]
        settings.cgroupParent = given[3]
        settings.leasesDirectory = given[4]
        settings.network = NetworkConfiguration(
            pool: try #require(CIDR(given[5])), bridge: given[6], table: given[7])
        let fixed = settings
        let service = try await LaunchSite.blocking { try ContainerService(fixed) }
        for number in 0..<10_000 {
            var request = ContainerRequest()
            request.handle = "victim-\(number)"
            request.rootfs = given[2]
            request.privileged = number % 3 == 2
            _ = try await service.create(request)
            try await service.destroy("victim-\(number)")
            if number == 0 { try Directory(given[0]).write("ready", []) }
        }
    }
}

extension LaunchSite {
    /// Starts this program again with one test only, and kills it some time after it has said that it is ready.
    fileprivate func killVictim(afterMilliseconds delay: UInt64, variable: String, test: String) async throws {
        let network = try #require(settings.network)
        let given = [
            settings.workDirectory, settings.initPath, image, settings.cgroupParent, settings.leasesDirectory,
            "\(network.pool)", network.bridge, network.table,
        ]
        let work = try Directory(settings.workDirectory)
        if try work.exists("ready") { try work.remove("ready") }
        let null = try KernelFile.open("/dev/null", writable: true)
        let child = try ChildProcess.start(
            program: KernelFile.open(CurrentProcess.executablePath()),
            arguments: [CurrentProcess.executablePath(), "--testing-library", "swift-testing", "--filter", test],
            environment: [
                "\(variable)=\(given.joined(separator: " "))", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LD_LIBRARY_PATH=\(ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "")",
            ], namespaces: [], descriptors: [null.number, null.number, null.number], keepsCapabilities: false)
        let deadline = bootTime() + 60_000_000_000
        while try !work.exists("ready") {
            let isGone = try child.reap()
            try #require(!isGone, "the victim ended by itself")
            try #require(bootTime() < deadline, "the victim is not ready")
            try await Task.sleep(for: .milliseconds(1))
        }
        try await Task.sleep(for: .milliseconds(delay))
        try child.signal(9)
        try child.wait()
    }
}
