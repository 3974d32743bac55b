import Kernel
import TestSupport
import Testing

@testable import Runtime
@testable import Worker

/// Groups that a worker has left whose work directory was wiped: empty ones are replaced, others are told of, and
/// nothing that may be another worker's is touched.
@Suite(.hostUnchanged, .serialized) struct CgroupStaleTests {
    /// What a worker uses of this host's hierarchies; the groups are real in each case.
    enum Use: CaseIterable {
        case everything
        case unifiedAlone
        case legacyAlone
    }

    private static let parent = "apron-test-stale"

    /// A worker's view of the host; nil where it has none of that kind. While it lives it is a worker for the others.
    private func hierarchy(_ use: Use) throws -> CgroupHierarchy? {
        try requireRoot()
        let found = try CgroupHierarchy.detect(parent: Self.parent)
        switch use {
        case .everything: return found
        case .unifiedAlone:
            guard found.unified != nil else { return nil }
            return try CgroupHierarchy(trees: [], unified: found.unified, countsSwap: false)
        case .legacyAlone:
            guard !found.trees.isEmpty else { return nil }
            return try CgroupHierarchy(trees: found.trees, unified: nil, countsSwap: found.countsSwap)
        }
    }

    private func tearDown() throws { try CgroupHierarchy.detect(parent: Self.parent).removeDirectories() }

    private func directories(_ hierarchy: CgroupHierarchy) -> [CgroupDirectory] {
        hierarchy.trees.map(\.groups) + (hierarchy.unified.map { [$0.groups] } ?? [])
    }

    /// Groups of an earlier worker, with some that its programs made; all without processes.
    private func leaveGroups(_ handle: String, _ use: Use) throws {
        guard let earlier = try hierarchy(use) else { return }
        _ = try earlier.create(handle: handle)
        for directory in directories(earlier) where directory.contains(handle) {
            try directory.makeGroup("\(handle)/a")
            try directory.makeGroup("\(handle)/a/b")
        }
    }

    @Test(arguments: Use.allCases) func emptyGroupsAreReplaced(_ use: Use) throws {
        defer { #expect(throws: Never.self) { try tearDown() } }
        try leaveGroups("wiped", use)
        guard let worker = try hierarchy(use) else { return }
        let group = try worker.create(handle: "wiped", limits: CgroupLimits())
        #expect(group.isReplacement)
        for directory in directories(worker) { #expect(!directory.contains("wiped/a"), "\(directory.path)") }
        let program = try BackgroundProgram(["sleep", "1000"], scratch: Scratch())
        try group.attach(program.pid)
        #expect(try group.processes() == [program.pid])
        try program.kill()
        try group.remove()
        #expect(try worker.list() == [])
        let fresh = try worker.create(handle: "wiped")
        #expect(!fresh.isReplacement)
        try fresh.remove()
    }

    /// Whichever hierarchy refuses, what was made in the others before is no obstacle.
    @Test func remainsInOneHierarchyAreReplaced() throws {
        defer { #expect(throws: Never.self) { try tearDown() } }
        let worker = try #require(try hierarchy(.everything))
        let model = try worker.create(handle: "model")
        let joined = directories(worker).filter { $0.contains("model") }
        try model.remove()
        for directory in joined {
            try directory.makeGroup("part")
            let group = try worker.create(handle: "part")
            #expect(group.isReplacement, "\(directory.path)")
            try group.remove()
            #expect(try worker.list() == [], "\(directory.path)")
        }
    }

    @Test(arguments: Use.allCases) func livingProcessesAreNamedAndSpared(_ use: Use) throws {
        defer { #expect(throws: Never.self) { try tearDown() } }
        try leaveGroups("living", use)
        guard let worker = try hierarchy(use) else { return }
        let remains = try #require(try worker.open(handle: "living"))
        let program = try BackgroundProgram(["sleep", "1000"], scratch: Scratch())
        for directory in directories(worker) where directory.contains("living") {
            try directory.write("\(program.pid)", to: "living/a/b/cgroup.procs")
        }
        let error = kernelError { try worker.create(handle: "living") }
        #expect(error?.errno == .exists)
        let text = "\(error as Any)"
        #expect(text.contains("/\(Self.parent)/living") && text.contains("\(program.pid)"), "\(text)")
        #expect(text.contains("kill them"), "\(text)")
        #expect(try remains.processesAnywhere() == [program.pid])
        for directory in directories(worker) where directory.contains("living") {
            #expect(directory.contains("living/a/b"), "\(directory.path)")
        }
        try program.kill()
        let group = try worker.create(handle: "living")
        #expect(group.isReplacement)
        try group.remove()
        #expect(try worker.list() == [])
    }

    /// Between making its groups and starting process 1 in them a container has empty ones.
    @Test(arguments: Use.allCases) func groupsOfALivingWorkerAreSpared(_ use: Use) throws {
        defer { #expect(throws: Never.self) { try tearDown() } }
        guard let worker = try hierarchy(use) else { return }
        try leaveWhileLiving(worker, use)
        // The other worker is gone, its groups are not.
        let group = try worker.create(handle: "theirs")
        #expect(group.isReplacement)
        try group.remove()
    }

    private func leaveWhileLiving(_ worker: CgroupHierarchy, _ use: Use) throws {
        let other = try #require(try hierarchy(use))
        let theirs = try other.create(handle: "theirs")
        let error = kernelError { try worker.create(handle: "theirs") }
        #expect(error?.errno == .exists)
        #expect("\(error as Any)".contains("another"), "\(error as Any)")
        #expect(try other.list() == ["theirs"])
        let program = try BackgroundProgram(["sleep", "1000"], scratch: Scratch())
        try theirs.attach(program.pid)
        #expect(try theirs.processes() == [program.pid])
        try program.kill()
        // Neither has forgotten that the other is there.
        _ = try worker.create(handle: "ours")
        #expect(kernelError { try other.create(handle: "ours") }?.errno == .exists)
        try #require(try worker.open(handle: "ours")).remove()
        withExtendedLifetime((worker, other)) {}
    }

    /// As an operator does it: the work directory is emptied while a container is there.
    @Test(.timeLimit(.minutes(5))) func aWipedWorkDirectoryIsNoObstacle() async throws {
        try await LaunchSite.with { site in
            try await site.create("again")
            let first = try #require(try site.service.registry.find("again").kernel?.process)
            try site.forget("again")
            try await site.restart()
            #expect(try await site.service.list([:]) == [])

            let error = try #require(await failure { try await site.create("again") } as? WorkerError)
            #expect(error.message.contains("\(first.pid)") && error.message.contains("kill them"), "\(error)")
            #expect(try await site.service.list([:]) == [])

            try first.kill()
            let hasEnded = try await LaunchSite.blocking { try first.waitForEnd(milliseconds: 60_000) }
            #expect(hasEnded)
            try await site.create("again")
            #expect(try await site.shell("again", "echo works") == "works")
        }
    }
}

extension LaunchSite {
    /// Deletes what the worker has on disk of a container, and nothing else.
    fileprivate func forget(_ handle: String) throws {
        try runProgram("rm", "-rf", "\(settings.workDirectory)/containers/live/\(handle)")
    }
}
