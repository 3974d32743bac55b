internal import Kernel
public import Testing

/// Tests that need root and leave the host as it was; each has the host to itself, also among several test processes.
public struct HostUnchanged: SuiteTrait, TestTrait, TestScoping {
    /// Every test of the suite is compared by itself.
    public var isRecursive: Bool { true }

    /// Runs a test under the lock and compares the host before and after.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try requireRoot(sourceLocation: test.sourceLocation)
        // The runtime opens descriptors for its timers at the first sleep and keeps them: not the test's doing.
        try await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try await Task.sleep(for: .milliseconds(1), clock: .suspending)

        var lock = try HostLock()
        // Polls: a blocking wait would hold a thread that other tests need.
        while lock == nil {
            try await Task.sleep(for: .milliseconds(5))
            lock = try HostLock()
        }
        try await HostState.expectUnchanged(sourceLocation: test.sourceLocation, function)
        withExtendedLifetime(lock) {}
    }
}

/// The right to change the host, held while the object lives.
private final class HostLock: Sendable {
    private let lock: FileLock

    /// Nil while somebody else has it.
    init?() throws {
        do throws(KernelError) {
            lock = try FileLock(try Directory("/tmp"), "apron-test.lock", wait: false)
        } catch {
            if error.errno == .tryAgain { return nil }
            throw error
        }
    }
}

extension Trait where Self == HostUnchanged {
    /// The host is compared before and after each test, which runs alone and needs root.
    public static var hostUnchanged: Self { HostUnchanged() }
}
