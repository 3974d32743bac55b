import Foundation
import Synchronization
import TestSupport
import Testing

/// All of the ring: one worker for the whole run, and afterwards nothing of it may be left.
@Suite(.serialized, .sharedWorker) enum Conformance {}

/// Boots the worker around the whole ring, or uses the one that APRON_URL names.
struct SharedWorker: SuiteTrait, TestScoping {
    private static let current = Mutex<WorkerUnderTest?>(nil)

    /// Where a worker runs that somebody else has started, as `http://127.0.0.1:7777`.
    static let givenAddress: WorkerAddress? = {
        guard let text = ProcessInfo.processInfo.environment["APRON_URL"], let url = URL(string: text) else {
            return nil
        }
        return WorkerAddress(host: url.host() ?? "127.0.0.1", port: UInt16(url.port ?? 7777))
    }()

    /// Once for the suite and not for each of its tests.
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard SharedWorker.givenAddress == nil else { return try await function() }
        try requireRoot(sourceLocation: test.sourceLocation)
        let worker = try WorkerUnderTest()
        try worker.start()
        SharedWorker.current.withLock { $0 = worker }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await function()) } catch { outcome = .failure(error) }
        SharedWorker.current.withLock { $0 = nil }
        let remains = try worker.close()
        #expect(remains.isEmpty, "left behind: \(remains.joined(separator: ", "))")
        Roots.shared.remove()
        try outcome.get()
    }

    /// Where the Baggageclaim API of that worker is.
    static let givenVolumes: WorkerAddress? = {
        guard let text = ProcessInfo.processInfo.environment["APRON_VOLUMES_URL"], let url = URL(string: text) else {
            return nil
        }
        return WorkerAddress(host: url.host() ?? "127.0.0.1", port: UInt16(url.port ?? 7788))
    }()

    static var volumes: Baggageclaim {
        get throws {
            if let givenVolumes { return Baggageclaim(address: givenVolumes) }
            return try #require(current.withLock { $0 }, "no worker: it did not start").volumes
        }
    }

    static var operations: WorkerAddress {
        get throws { try #require(current.withLock { $0 }, "no worker: it did not start").operations }
    }

    static var garden: Garden {
        get throws {
            if let givenAddress { return Garden(address: givenAddress) }
            return try #require(current.withLock { $0 }, "no worker: it did not start").garden
        }
    }
}

extension Trait where Self == SharedWorker {
    static var sharedWorker: Self { SharedWorker() }
}

extension Trait where Self == ConditionTrait {
    /// For tests that end their worker or start it in another mode: not against one that somebody else runs.
    static var ownWorker: Self { .enabled(if: SharedWorker.givenAddress == nil, "needs a worker of its own") }
}

/// A worker of the test's own, for tests that end it or need it in another mode.
func withWorker(
    compatibility: String = "guardian", flags: [String] = [], environment: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (WorkerUnderTest) throws -> Void
) throws {
    try requireRoot(sourceLocation: sourceLocation)
    let worker = try WorkerUnderTest(compatibility: compatibility, flags: flags, environment: environment)
    try worker.start()
    do {
        try body(worker)
    } catch {
        Issue.record("\(error); the worker said: \(worker.complaints)", sourceLocation: sourceLocation)
    }
    let remains = try worker.close()
    #expect(remains.isEmpty, "left behind: \(remains.joined(separator: ", "))", sourceLocation: sourceLocation)
}

/// Calls `body` on `count` threads at once and answers what each returned, in order.
func concurrently<Value: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Value) -> [Result<
    Value, any Error
>] {
    let results = Mutex<[Int: Result<Value, any Error>]>([:])
    let group = DispatchGroup()
    for index in 0..<count {
        group.enter()
        Thread.detachNewThread {
            let result = Result { try body(index) }
            results.withLock { $0[index] = result }
            group.leave()
        }
    }
    group.wait()
    return (0..<count).compactMap { index in results.withLock { $0[index] } }
}
