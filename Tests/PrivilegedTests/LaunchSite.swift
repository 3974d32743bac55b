import Foundation
import Kernel
import Runtime
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Worker

/// A worker in this process with everything of its own: work directory, root, bridge, addresses, cgroups.
final class LaunchSite: Sendable {
    /// The host's id of an unprivileged container's root.
    static let rootID: UInt32 = 4_294_967_294
    /// Where the image has the probe.
    static let probe = "/bin/probe"

    let scratch: Scratch
    let settings: WorkerSettings
    private let current: Mutex<ContainerService?>
    private let name: String

    /// Runs `body` with a worker and leaves the host as it was.
    static func with<Result>(
        network: Bool = false, _ change: (inout WorkerSettings) -> Void = { _ in },
        _ body: (LaunchSite) async throws -> Result
    ) async throws -> Result {
        let site = try await LaunchSite(network: network, change)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(site)) } catch { result = .failure(error) }
        try await site.end()
        return try result.get()
    }

    private init(network: Bool, _ change: (inout WorkerSettings) -> Void) async throws {
        let number = UInt32.random(in: 0..<0xffff)
        name = "aprontest-\(number)"
        scratch = try Scratch()
        var settings = WorkerSettings(
            workDirectory: try scratch.makeDirectories("work"), initPath: try LaunchSite.program("ApronInit"))
        settings.defaultRootfs = try LaunchSite.makeImage(in: scratch)
        settings.cgroupParent = name
        settings.leasesDirectory = "\(try scratch.makeDirectories("run"))/leases"
        settings.network =
            network
            ? NetworkConfiguration(
                pool: try #require(CIDR("10.\(222 + number % 30).0.0/24")), bridge: "apt\(String(number, radix: 16))",
                table: "aprontest_\(number)")
            : nil
        change(&settings)
        self.settings = settings
        let fixed = settings
        current = Mutex(try await LaunchSite.blocking { try ContainerService(fixed) })
    }

    var service: ContainerService {
        get throws { try #require(current.withLock { $0 }) }
    }

    var image: String { settings.defaultRootfs ?? "" }

    /// Another worker takes over, as after a restart.
    @discardableResult
    func restart() async throws -> RecoveryReport {
        current.withLock { $0 = nil }
        let settings = settings
        let service = try await LaunchSite.blocking { try ContainerService(settings) }
        current.withLock { $0 = service }
        return try await LaunchSite.blocking { try service.recover() }
    }

    private func end() async throws {
        for handle in try await service.list([:]) { try await service.destroy(handle) }
        try await waitForCables()
        let service = try service
        try await LaunchSite.blocking { try service.tearDownIdle() }
        current.withLock { $0 = nil }
        if let network = settings.network {
            let leases = settings.leasesDirectory
            _ = try await LaunchSite.blocking { try BridgeNetwork(network, leasesDirectory: leases).tearDown() }
        }
        for path in try cgroups().reversed() where path.hasSuffix("/\(name)") { try runProgram("rmdir", path) }
    }

    static func blocking<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try body() }
    }

    // MARK: programs and images

    /// A program of this package: APRON_INIT for process 1, else beside the tests.
    static func program(_ name: String) throws -> String {
        if name == "ApronInit", let given = ProcessInfo.processInfo.environment["APRON_INIT"] { return given }
        let own = try CurrentProcess.executablePath()
        let beside = "\(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])/\(name)"
        let path = CurrentProcess.isExecutableFile(beside) ? beside : "\(package)/.build/debug/\(name)"
        try #require(CurrentProcess.isExecutableFile(path), "\(path) is not there: swift build makes it")
        return path
    }

    private static var package: String {
        var url = URL(filePath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return "/" + url.pathComponents.dropFirst().joined(separator: "/")
    }

    private static func makeImage(in scratch: Scratch) throws -> String {
        let path = "\(scratch.path)/image"
        try runProgram("sh", "\(package)/rootfs/build", path)
        try runProgram("cp", try program("ContainerProbe"), path + probe)
        return path
    }

    /// A changed copy of the image; `commands` run in it, for an unprivileged raw root with its files' owner changed.
    func root(_ commands: String = "true", raw: Bool = false) throws -> String {
        let path = "\(scratch.path)/root-\(UInt32.random(in: 0...UInt32.max))"
        try runProgram("cp", "-a", image, path)
        try runProgram("sh", "-ec", "cd \(path); \(commands)")
        if raw { try runProgram("chown", "-hR", "--from=0:0", "\(LaunchSite.rootID):\(LaunchSite.rootID)", path) }
        return path
    }

    // MARK: what is left

    /// Everything that a container may leave behind, one line each.
    func traces() throws -> [String] {
        var lines: [String] = []
        for path in ["containers/init", "containers/live", "containers/dead", "images/roots"] {
            let entries = try Directory("\(settings.workDirectory)/\(path)").entries()
            lines += entries.map { "\(path)/\($0)" }
        }
        if settings.network != nil {
            lines += try Directory(settings.leasesDirectory).entries().filter { $0.first?.isNumber == true }
                .map { "lease \($0)" }
        }
        return (lines + (try cgroups())).sorted()
    }

    /// Runs `body` and expects neither the host nor the worker to have anything more afterwards.
    func expectNoTrace(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        try await settle()
        let before = try traces()
        try await HostState.expectUnchanged(sourceLocation: sourceLocation, body)
        try await settle()
        let after = try traces()
        #expect(after == before, sourceLocation: sourceLocation)
    }

    /// Returns when nothing that was there before goes on in the background: deletions, and the kernel's own clearing
    /// up of network namespaces.
    func settle() async throws {
        try await waitForCables()
        let facilities = try service.facilities
        try await LaunchSite.blocking {
            facilities.directories.waitUntilDeleted()
            facilities.images.waitUntilDeleted()
        }
    }

    /// The kernel removes a container's network namespace, and its cable with it, a moment after its last process.
    func waitForCables() async throws {
        guard let bridge = settings.network?.bridge else { return }
        let ports = try Directory("/sys/class/net/\(bridge)/brif")
        let deadline = bootTime() + 60_000_000_000
        while try !ports.isEmpty(), bootTime() < deadline { try await Task.sleep(for: .milliseconds(5)) }
    }

    private func cgroups() throws -> [String] {
        // `find` fails at groups of others that vanish meanwhile.
        let found = try runProgram("sh", "-c", "find /sys/fs/cgroup -type d -path '*/\(name)*' 2>/dev/null || true")
        return found.split(separator: "\n").map(String.init)
    }
}
