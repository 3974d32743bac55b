import Testing

@testable import Kernel

@Suite struct BlockingTests {
    /// The name of the thread that this runs on.
    static func thread() throws -> String { try KernelFile.read("/proc/thread-self/comm") }

    actor Worker: BlockingActor {
        let queue = BlockingQueue()
        private(set) var calls = 0

        func call() async throws -> String {
            calls += 1
            let before = try BlockingTests.thread()
            await Task.yield()
            #expect(try BlockingTests.thread() == "apron-blocking\n")
            return before
        }
    }

    @Test func bodiesRunOnThreadsThatMayBlock() async throws {
        #expect(try await BlockingExecutor.run { try BlockingTests.thread() } == "apron-blocking\n")
        #expect(try BlockingTests.thread() != "apron-blocking\n")
    }

    @Test func failuresKeepTheirType() async {
        await #expect(throws: KernelError(call: "test", errno: .noEntry)) {
            try await BlockingExecutor.run { () async throws(KernelError) in
                throw KernelError(call: "test", errno: .noEntry)
            }
        }
    }

    @Test func actorsRunOnThreadsThatMayBlock() async throws {
        let worker = Worker()
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await worker.call() } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(names == ["apron-blocking\n"])
        #expect(await worker.calls == 50)
    }

    @Test func tasksRunWhereTheirExecutorSaysSo() async throws {
        let executor = ForwardingExecutor { BlockingExecutor.shared.perform($0) }
        let name = try await Task(executorPreference: executor) { try BlockingTests.thread() }.value
        #expect(name == "apron-blocking\n")
    }
}
