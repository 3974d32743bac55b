import Kernel
import TestSupport
import Testing
import Worker

@testable import apron

@Suite struct HostPreparationTests {
    @Test func directoryIsMadeAndHeldByOne() throws {
        let scratch = try Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let path = scratch.path + "/a/b"
        let first = try HostPreparation.claim(path)
        let refused = #expect(throws: WorkerError.self) { _ = try HostPreparation.claim(path) }
        #expect(refused?.message == "another apron uses the work directory \(path)")
        first.giveUp()
        #expect(throws: Never.self) { _ = try HostPreparation.claim(path) }
    }

    @Test func fileInTheWayIsNamed() {
        let refused = #expect(throws: WorkerError.self) { _ = try HostPreparation.claim("/proc/version") }
        #expect(refused?.message.contains("/proc/version") == true)
    }

    @Test func runsTakeTheFirstFreeDirectory() throws {
        let scratch = try Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let parent = scratch.path + "/runs"
        let first = try RunDirectory.claim(under: parent)
        let second = try RunDirectory.claim(under: parent)
        #expect(first.path == parent + "/0")
        #expect(second.path == parent + "/1")
        first.giveUp()
        let third = try RunDirectory.claim(under: parent)
        #expect(third.path == parent + "/0")
        third.giveUp()
        second.giveUp()
    }

    @Test func initProgramMustBeExecutable() throws {
        #expect(try HostPreparation.initProgram(given: "/bin/sh") == "/bin/sh")
        for path in ["/etc/passwd", "/bin", "/nowhere"] {
            let refused = #expect(throws: WorkerError.self) { try HostPreparation.initProgram(given: path) }
            #expect(refused?.message == "--init-bin \(path) is no executable file")
            let other = #expect(throws: WorkerError.self) { try HostPreparation.archiveProgram(given: path) }
            #expect(other?.message == "--archive-bin \(path) is no executable file")
        }
    }

    @Test func ownProcessIsKnown() throws {
        #expect(try CurrentProcess.environment()["PATH"] != nil)
        #expect(try CurrentProcess.workingDirectory().hasPrefix("/"))
        #expect(!CurrentProcess.hostName.isEmpty)
        #expect(try CurrentProcess.raiseOpenFileLimit() > 0)
    }
}
