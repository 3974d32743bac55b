import Kernel
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Many callers at a time.
@Suite(.hostUnchanged) struct VolumeStoreParallelTests {
    @Test func hundredCreationsAtATime() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("p")
        try store.write("p", "f", "p")
        try await inParallel(100) { index in
            try store.make("v\(index)", index % 2 == 0 ? .empty : .copy(of: "p"))
            if index % 4 == 1 { try store.write("v\(index)", "f", "v") }
        }
        #expect(store.list().count == 101)
        #expect(try site.names("init").isEmpty)
        #expect(try store.read("v1", "f") == "v")
        #expect(try store.read("v3", "f") == "p")
        try await inParallel(100) { index in try store.destroy("v\(index)") }
        #expect(store.list().map(\.handle) == ["p"])
        store.files.graveyard.waitUntilEmpty()
        #expect(try site.layers.count == 1)
    }

    @Test func oneOfManyGetsTheHandle() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let kinds = Mutex<[VolumeStoreError.Kind?]>([])
        try await inParallel(20) { _ in
            let error = storeError { try store.make("same") }
            kinds.withLock { $0.append(error?.kind) }
        }
        let all = kinds.withLock { $0 }
        #expect(all.count { $0 == nil } == 1)
        #expect(all.count { $0 == .exists } == 19)
    }

    /// A child either has its parent's files or does not exist.
    @Test func parentsDieWhileChildrenAreMade() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        for round in 0..<10 {
            try store.make("p")
            try store.write("p", "f", "\(round)")
            let made = Mutex<[String]>([])
            try await inParallel(8) { index in
                if index == 4 { return try store.destroy("p") }
                let error = storeError { try store.make("c\(index)", .copy(of: "p")) }
                if let error { #expect(error.kind == .unknownParent) } else { made.withLock { $0.append("c\(index)") } }
            }
            for child in made.withLock({ $0 }) {
                #expect(try store.read(child, "f") == "\(round)")
                try store.destroy(child)
            }
        }
        store.files.graveyard.waitUntilEmpty()
        #expect(try site.layers.isEmpty)
    }

    @Test func destroyingMeetsMountingAndMaking() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        for round in 0..<20 {
            try await inParallel(4) { index in
                let expected: Set<VolumeStoreError.Kind> = [.unknown, .inUse, .exists, .beingDestroyed]
                let error = storeError {
                    switch index {
                    case 0: try store.make("v")
                    case 1:
                        let user = VolumeUser.stream(UInt64(round))
                        defer { store.release(user) }
                        let tree = try store.mount("v", writable: true, unprivileged: true, user: user)
                        try tree.root().write("f", [])
                    case 2: try store.setProperty("v", "k", to: "v")
                    default: try store.destroy("v")
                    }
                }
                if let error { #expect(expected.contains(error.kind), "\(error)") }
            }
        }
        if store.find("v") != nil { try store.destroy("v") }
        store.files.graveyard.waitUntilEmpty()
        #expect(try site.layers.isEmpty)
        #expect(try site.start().recovery.failures.isEmpty)
    }

    @Test func orphansAreSweptWhileLayersComeAndGo() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try await inParallel(6) { index in
            for round in 0..<10 {
                if index == 0 {
                    try store.cleanUpOrphans()
                    try store.synchronize()
                    continue
                }
                let handle = "v\(index)-\(round)"
                try store.make(handle)
                try store.write(handle, "f", handle)
                try store.make("\(handle)c", .copy(of: handle))
                try store.destroy(handle)
                #expect(try store.read("\(handle)c", "f") == handle)
            }
        }
        #expect(store.list().count == 50)
        let recovery = try site.start().recovery
        #expect(recovery.failures.isEmpty)
        #expect(recovery.orphans == 0)
    }

    @Test func aThousandVolumes() async throws {
        let site = try VolumeStoreSite()
        var store = try site.start().store
        try await inParallel(1000) { [store] index in
            try store.make("v\(index)", index < 10 ? .empty : .copy(of: "v\(index % 10)"))
        } ordered: {
            $0 < 10
        }
        #expect(store.list().count == 1000)
        store = try site.start().store
        #expect(store.list().count == 1000)
        #expect(store.find("v999")?.parent == "v9")
    }

    /// Runs blocking calls on threads of their own, as the worker does; the first ones one after another, if wanted.
    private func inParallel(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void, ordered: (Int) -> Bool = { _ in false }
    ) async throws {
        for index in 0..<count where ordered(index) { try body(index) }
        let rest = (0..<count).filter { !ordered($0) }
        // As many as a worker has for blocking calls.
        let threadsMax = 16
        let shared = Shared(running: min(threadsMax, rest.count))
        for _ in 0..<min(threadsMax, rest.count) {
            try startThread(named: "volume-test") {
                while true {
                    let index = shared.next.add(1, ordering: .relaxed).oldValue
                    if index >= rest.count { break }
                    do { try body(rest[index]) } catch { shared.failures.withLock { $0.append(error) } }
                }
                shared.running.subtract(1, ordering: .releasing)
            }
        }
        while shared.running.load(ordering: .acquiring) > 0 { try await Task.sleep(for: .milliseconds(2)) }
        if let first = shared.failures.withLock({ $0.first }) { throw first }
    }

    private final class Shared: Sendable {
        let failures = Mutex<[any Error]>([])
        let next = Atomic(0)
        let running: Atomic<Int>

        init(running: Int) { self.running = Atomic(running) }
    }
}
