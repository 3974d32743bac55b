import Kernel
import Storage
import TestSupport
import Testing

@testable import Worker

/// Volumes as clients make, find and destroy them.
@Suite(.hostUnchanged, .serialized) struct VolumeServiceTests {
    private static let patience = Duration.seconds(60)

    @Test func madeFoundAndDestroyed() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let none = try site.traces()
            let made = try await volumes.create(
                VolumeRequest(handle: "one", strategy: .empty, properties: ["a": "1"]))
            #expect(made.path == "\(site.directory)/live/one/volume" && !made.isPrivileged)
            try await site.make("two", .copyOnWrite(parent: "one"), privileged: true)
            #expect(try await volumes.list([:]).map(\.handle) == ["one", "two"])
            #expect(try await volumes.list(["a": "1"]) == [made])
            #expect(try await volumes.list(["a": "2"]).isEmpty)
            #expect(try await volumes.find("two").isPrivileged)
            #expect(try await volumes.find("two").properties == nil)

            try await volumes.setProperty("two", "b", to: "2")
            #expect(try await volumes.find("two").properties == ["b": "2"])
            #expect(await site.kind { _ = try await site.make("one") } == .handleInUse)
            #expect(await site.kind { _ = try await site.make("three", .copyOnWrite(parent: "no")) } == .unknownParent)
            #expect(await site.kind { _ = try await volumes.find("no") } == .unknownVolume)
            #expect(await site.kind { try await volumes.destroy("no") } == .unknownVolume)
            #expect(await site.kind { _ = try await site.make("a/b") } == .invalid)

            try await volumes.destroy(all: ["no", "one", "two"])
            #expect(try await volumes.list([:]).isEmpty)
            #expect(try site.traces() == none)
        }
    }

    @Test func creationsAreKeptUntilCollected() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let request = VolumeRequest(handle: "later", strategy: .empty)
            #expect(try await volumes.beginCreation(request) == "later")
            #expect(await site.kind { _ = try await volumes.beginCreation(request) } == .creationExists)
            #expect(try await volumes.creation("later", wait: Self.patience) == volumes.find("later"))
            #expect(try await volumes.creation("later", wait: .zero)?.handle == "later")
            #expect(await site.kind { _ = try await volumes.beginCreation(request) } == .creationExists)
            try await volumes.cancelCreation("later")
            #expect(await site.kind { _ = try await volumes.creation("later", wait: .zero) } == .unknownCreation)
            #expect(await site.kind { try await volumes.cancelCreation("later") } == .unknownCreation)
            #expect(try await volumes.find("later").handle == "later")

            let orphan = try await volumes.beginCreation(
                VolumeRequest(strategy: .copyOnWrite(parent: "nobody")))
            let kind = await site.kind { _ = try await volumes.creation(orphan, wait: Self.patience) }
            #expect(kind == .unknownParent)
            try await volumes.cancelCreation(orphan)
            #expect(try Directory("\(site.directory)/creations").isEmpty())
        }
    }

    @Test func whatIsGivenUpIsDestroyed() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            try await site.expectNoTrace {
                let hold = Hold(of: volumes.imports, places: 4)
                await hold.taken()
                let request = VolumeRequest(
                    handle: "unwanted", strategy: .importing(path: site.site.image, followsSymlinks: false))
                _ = try await volumes.beginCreation(request)
                #expect(try await volumes.creation("unwanted", wait: .milliseconds(1)) == nil)
                try await volumes.cancelCreation("unwanted")
                #expect(await site.kind { _ = try await volumes.creation("unwanted", wait: .zero) } == .unknownCreation)
                await hold.end()
                // The handle is free when the volume is gone again.
                try await volumes.creations.whenUnknown("unwanted")
                #expect(try await volumes.list([:]).isEmpty)
            }
        }
    }

    /// Neither is settled nor goes on when a worker ends; the next one makes the volume.
    @Test func aStopLeavesCreationsToTheNextWorker() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let hold = Hold(of: volumes.imports, places: 4)
            await hold.taken()
            let request = VolumeRequest(
                handle: "wanted", strategy: .importing(path: site.site.image, followsSymlinks: false))
            _ = try await volumes.beginCreation(request)
            let stopping = Task { await volumes.stop() }
            while !volumes.creations.isStopped { await Task.yield() }
            await hold.end()
            await stopping.value
            #expect(try await volumes.creation("wanted", wait: .zero) == nil)
            #expect(try await volumes.list([:]).isEmpty)

            _ = try await site.restart()
            let again = try site.volumes
            #expect(try await again.creation("wanted", wait: Self.patience)?.handle == "wanted")
            try await again.cancelCreation("wanted")
        }
    }

    @Test func manyAreDestroyedWhateverBecomesOfOne() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let handles = (0..<30).map { "v\($0)" }
            for handle in handles { try await site.make(handle) }
            let user = VolumeUser.container("somebody")
            for handle in ["v3", "v20"] { volumes.store.adopt(handle, user: user, writable: false) }
            let error = await failure { try await volumes.destroy(all: handles + ["nobody", "v1"]) } as? VolumeError
            // Always the same one of several.
            #expect(error?.kind == .inUse && error?.handle == "v20")
            #expect(try await volumes.list([:]).map(\.handle) == ["v20", "v3"])
            volumes.store.release(user)
            try await volumes.destroy(all: handles)
            try await volumes.destroy(all: [])
            #expect(try await volumes.list([:]).isEmpty)
        }
    }

    @Test func restartsLoseNoCreation() async throws {
        try await VolumeSite.with { site in
            _ = try await site.volumes.beginCreation(VolumeRequest(handle: "done", strategy: .empty))
            _ = try await site.volumes.creation("done", wait: Self.patience)
            _ = try await site.volumes.beginCreation(
                VolumeRequest(handle: "failed", strategy: .copyOnWrite(parent: "nobody")))
            _ = try? await site.volumes.creation("failed", wait: Self.patience)
            // As a worker leaves it that was killed in the middle.
            let files = try site.volumes.facilities.files
            try files.write(
                CreationFiles.Entry(
                    request: VolumeRequest(handle: "halfway", strategy: .copyOnWrite(parent: "done")), began: realTime()
                ),
                "halfway")
            try files.write(.givenUp("unwanted"), "unwanted")
            try await site.make("unwanted")

            _ = try await site.restart()
            let volumes = try site.volumes
            #expect(try await volumes.creation("done", wait: .zero)?.handle == "done")
            let kind = await site.kind { _ = try await volumes.creation("failed", wait: .zero) }
            #expect(kind == .unknownParent)
            #expect(try await volumes.creation("halfway", wait: Self.patience)?.handle == "halfway")
            #expect(await site.kind { _ = try await volumes.find("unwanted") } == .unknownVolume)
            for handle in ["done", "failed", "halfway"] { try await volumes.cancelCreation(handle) }
            #expect(try Directory("\(site.directory)/creations").isEmpty())
        }
    }

    @Test func imports() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let source = try site.site.scratch.makeDirectories("source/sub")
            try runProgram("sh", "-ec", "cd \(source)/..; echo one >file; ln -s file link; echo two >sub/inner")
            try runProgram("tar", "-czf", "\(source)/../../source.tgz", "-C", "\(source)/..", ".")
            let tree = "\(site.site.scratch.path)/source"

            try await site.make("tree", .importing(path: tree, followsSymlinks: false))
            try await site.make("followed", .importing(path: tree, followsSymlinks: true))
            let path = try await site.make("clone", .importing(path: volumes.find("tree").path, followsSymlinks: false))
            try await site.make("part", .importing(path: "\(path)/sub/../sub", followsSymlinks: false))
            let shared = try volumes.record("tree").stack.layers
            let cloned = try volumes.record("clone").stack.layers
            #expect(!shared.isEmpty && cloned == shared)

            let binds = try await ["tree", "followed", "clone", "part"].asyncMap { try await volumes.find($0).path }
            try await site.site.create("reader") { request in
                for (index, path) in binds.enumerated() {
                    request.bindMounts.append(.init(source: path, destination: "/in/\(index)", writable: false))
                }
            }
            let seen = try await site.site.shell(
                "reader",
                "cd /in; cat 0/file 0/sub/inner 2/file 3/inner; readlink 0/link; readlink 1/link || cat 1/link")
            #expect(seen == "one\ntwo\none\ntwo\nfile\none")
        }
    }

    @Test func importsThatCannotBe() async throws {
        try await VolumeSite.with { site in
            func failed(_ path: String) async throws -> VolumeError? {
                var thrown: VolumeError?
                try await site.expectNoTrace {
                    let error = await failure {
                        _ = try await site.make("bad", .importing(path: path, followsSymlinks: false))
                    }
                    thrown = error as? VolumeError
                }
                return thrown
            }
            let missing = try await failed("/no/such/path")
            #expect(missing?.kind == .failed && missing?.cause?.errno == .noEntry)
            #expect(missing?.message.contains("/no/such/path") == true)
            #expect(try await failed("relative")?.kind == .invalid)
            #expect(try await failed("/dev/null")?.kind == .invalid)
            let gone = try await failed("\(site.directory)/live/gone/volume")
            #expect(gone?.kind == .unknownParent && gone?.message.contains("gone") == true)
            #expect(try await failed("\(site.directory)/layers")?.kind == .unknownParent)
            try runProgram("ln", "-s", "\(site.directory)/live", "\(site.site.scratch.path)/link")
            #expect(try await failed("\(site.site.scratch.path)/link")?.kind == .unknownParent)
        }
    }
}

/// Takes all places of an admission until it is told to leave.
private final class Hold: Sendable {
    private let end = Outcome<Bool>()
    private let tasks: [Task<Void, Never>]
    private let counts: [Outcome<Bool>]

    init(of admission: Admission, places: Int) {
        let (end, counts) = (end, (0..<places).map { _ in Outcome<Bool>() })
        self.counts = counts
        tasks = counts.map { count in
            Task {
                await admission.run {
                    count.set(true)
                    _ = await end.value(within: .seconds(600))
                }
            }
        }
    }

    func taken() async { for count in counts { _ = await count.value(within: .seconds(60)) } }

    func end() async {
        end.set(true)
        for task in tasks { await task.value }
    }
}

extension VolumeCreations {
    /// Waits until a given-up creation has come to its end.
    fileprivate func whenUnknown(_ handle: String) async throws {
        let deadline = bootTime() + 60_000_000_000
        while isUnderWay(handle) {
            try #require(bootTime() < deadline, "the creation of \(handle) does not end")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
