import Kernel
import Synchronization
import TestSupport
import Testing

@testable import Worker

/// A worker in this process whose containers have volumes.
final class VolumeSite: Sendable {
    let site: LaunchSite
    private let current = Mutex<VolumeService?>(nil)

    /// Runs `body` with a worker and leaves the host as it was.
    static func with<Result>(
        _ change: (inout WorkerSettings) -> Void = { _ in }, _ body: (VolumeSite) async throws -> Result
    ) async throws -> Result {
        let archiver = try LaunchSite.program("ApronArchive")
        return try await LaunchSite.with(
            { settings in
                settings.volumes = VolumeSettings(
                    directory: "\(settings.workDirectory)/volumes", archivePath: archiver)
                change(&settings)
            },
            { site in
                let volumes = VolumeSite(site)
                try await volumes.open()
                let result: Swift.Result<Result, any Error>
                do { result = .success(try await body(volumes)) } catch { result = .failure(error) }
                try await volumes.close()
                return try result.get()
            })
    }

    private init(_ site: LaunchSite) { self.site = site }

    var volumes: VolumeService {
        get throws { try #require(current.withLock { $0 }) }
    }

    var directory: String { site.settings.volumes?.directory ?? "" }

    private func open() async throws {
        let service = try site.service
        let (containers, volumes) = try await LaunchSite.blocking {
            (try service.recover(), try VolumeService(containers: service))
        }
        #expect(containers.failures.isEmpty)
        current.withLock { $0 = volumes }
        let report = try await LaunchSite.blocking { try volumes.recover() }
        #expect(report.failures.isEmpty)
    }

    private func close() async throws {
        for handle in try await site.service.list([:]) { try await site.service.destroy(handle) }
        for volume in try await volumes.list([:]) { try await volumes.destroy(volume.handle) }
        current.withLock { $0 = nil }
    }

    /// Another worker takes over, as after a restart.
    func restart() async throws -> VolumeReport {
        current.withLock { $0 = nil }
        try await site.restart()
        let service = try site.service
        let volumes = try VolumeService(containers: service)
        current.withLock { $0 = volumes }
        return try await LaunchSite.blocking { try volumes.recover() }
    }

    // MARK: short ways

    /// Makes a volume and answers its path.
    @discardableResult
    func make(
        _ handle: String, _ strategy: VolumeRequest.Strategy = .empty, privileged: Bool = false
    ) async throws -> String {
        let request = VolumeRequest(handle: handle, strategy: strategy, isPrivileged: privileged)
        return try await volumes.create(request).path
    }

    // MARK: streams

    /// An archive of what commands make, with gzip.
    func archive(_ script: String) throws -> [UInt8] {
        let name = "made-\(UInt32.random(in: 0...UInt32.max))"
        let path = try site.scratch.makeDirectories(name)
        try runProgram("sh", "-ec", "cd \(path); \(script)")
        try runProgram("tar", "--owner=0", "--group=0", "-czf", "\(path).tgz", "-C", path, ".")
        return try Directory(site.scratch.path).read("\(name).tgz", limit: 64 << 20)
    }

    /// Writes bytes to a transfer's pipe and ends it; one that takes no more says why.
    @discardableResult
    func send(_ bytes: [UInt8], to transfer: any ArchiveTransfer) async throws -> ArchiveReport {
        try await LaunchSite.blocking {
            do { try Self.write(bytes, to: transfer) } catch let error as KernelError where error.errno == .brokenPipe {
            }
        }
        return try await transfer.finish(TransferStatistics())
    }

    private static func write(_ bytes: [UInt8], to transfer: any ArchiveTransfer) throws {
        let end = try transfer.takeDescriptor()
        try end.setNonBlocking(false)
        let pipe = SharedDescriptor(end)
        var written = 0
        while written < bytes.count { written += try pipe.writeSome(bytes, from: written) ?? 0 }
    }

    /// Reads a transfer to its end.
    func receive(_ transfer: any ArchiveTransfer) async throws -> [UInt8] {
        let bytes = try await LaunchSite.blocking { try Self.read(from: transfer) }
        _ = try await transfer.finish(TransferStatistics())
        return bytes
    }

    private static func read(from transfer: any ArchiveTransfer) throws -> [UInt8] {
        let end = try transfer.takeDescriptor()
        try end.setNonBlocking(false)
        return try end.readContents(limit: 64 << 20, "archive")
    }

    // MARK: what is left

    /// Everything that a volume may leave behind, one line each.
    func traces() throws -> [String] {
        var lines: [String] = []
        for name in ["init", "live", "layers", "mounts", "creations", "spans"] {
            guard let entries = try? Directory("\(directory)/\(name)").entries() else { continue }
            lines += entries.filter { !$0.hasPrefix("000000000000000") }.map { "volumes/\(name)/\($0)" }
        }
        // What is being deleted in the background is nobody's any more.
        return try (lines + site.traces().filter { !$0.hasPrefix("containers/dead/") }).sorted()
    }

    /// Runs `body` and expects neither the host nor the worker to have anything more afterwards.
    func expectNoTrace(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        let before = try traces()
        try await HostState.expectUnchanged(sourceLocation: sourceLocation, body)
        let after = try traces()
        let differences =
            after.filter { !before.contains($0) }.map { "left: \($0)" }
            + before.filter { !after.contains($0) }.map { "gone: \($0)" }
        #expect(differences == [], sourceLocation: sourceLocation)
    }

    /// The kind of the error that `body` throws.
    func kind(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async -> VolumeError.Kind? {
        let error = await failure(sourceLocation: sourceLocation, body)
        #expect(error is VolumeError, "\(error as Any)", sourceLocation: sourceLocation)
        return (error as? VolumeError)?.kind
    }
}
