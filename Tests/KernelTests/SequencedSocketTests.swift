import Kernel
import TestSupport
import Testing

/// The way to a process 1, by a name in its container's directory.
@Suite struct SequencedSocketTests {
    /// Longer than an address of a socket may be.
    private func deepDirectory(_ scratch: Scratch) throws -> Directory {
        try Directory(scratch.makeDirectories(String(repeating: "deep/", count: 40) + "end"))
    }

    @Test func aPathOfAnyLengthIsFound() throws {
        let scratch = try Scratch()
        let directory = try deepDirectory(scratch)
        let listener = try SequencedSocket.listen(in: directory, name: "socket")
        let client = try SequencedSocket.connect(to: "socket", in: directory)
        try client.send([1, 2, 3])
        #expect(try listener.waitReadable(milliseconds: 60_000))
        _ = consume listener
    }

    @Test func errorsHaveTheWholePath() throws {
        let scratch = try Scratch()
        let directory = try deepDirectory(scratch)
        let path = "\(directory.path)/socket"
        let missing = kernelError { try SequencedSocket.connect(to: "socket", in: directory) }
        #expect(missing == KernelError(call: "connect", errno: .noEntry, subject: path))
        do {
            let listener = try SequencedSocket.listen(in: directory, name: "socket")
            let taken = kernelError { try SequencedSocket.listen(in: directory, name: "socket") }
            #expect(taken?.call == "bind" && taken?.errno.name == "EADDRINUSE" && taken?.subject == path)
            _ = consume listener
        }
        let left = kernelError { try SequencedSocket.connect(to: "socket", in: directory) }
        #expect(left == KernelError(call: "connect", errno: .connectionRefused, subject: path))
    }
}
