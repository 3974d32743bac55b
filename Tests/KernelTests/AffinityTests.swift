import TestSupport
import Testing

@testable import Kernel

/// A child begins on its parent's processor, and afterwards both may run where the parent might before.
@Suite struct AffinityTests {
    private static func allowed(_ status: String) -> Substring? {
        status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
    }

    @Test func neitherParentNorChildIsBoundAfterwards() throws {
        let before = Self.allowed(try KernelFile.read("/proc/thread-self/status"))
        #expect(before != nil)
        for _ in 0..<10 {
            let child = try runProgram("cat", "/proc/self/status")
            #expect(Self.allowed(child) == before)
            let parent = try KernelFile.read("/proc/thread-self/status")
            #expect(Self.allowed(parent) == before)
        }
    }

    @Test func aChildThatCannotBeStartedBindsNobody() throws {
        let before = Self.allowed(try KernelFile.read("/proc/thread-self/status"))
        let noProgram = try KernelFile.open("/etc/passwd")
        #expect(throws: KernelError.self) {
            _ = try ChildProcess.start(
                program: noProgram, arguments: ["passwd"], namespaces: [], descriptors: [], keepsCapabilities: false)
        }
        let after = try KernelFile.read("/proc/thread-self/status")
        #expect(Self.allowed(after) == before)
    }
}
