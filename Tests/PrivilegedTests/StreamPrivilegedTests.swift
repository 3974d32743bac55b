import Glibc
import Kernel
import Runtime
import Synchronization
import Testing

@Suite("Output spool on a full disk")
struct StreamPrivilegedTests {
    /// A directory on a file system of its own, which has no name any more and goes with the descriptor.
    private func tinyDisk() throws -> SharedDescriptor {
        try #require(geteuid() == 0, "this suite needs root")
        var template = Array("/tmp/apron-tiny.XXXXXX".utf8CString)
        let path = String(cString: try #require(mkdtemp(&template)))
        defer { rmdir(path) }
        try #require(mount("tmpfs", path, "tmpfs", 0, "size=1m,mode=0700") == 0)
        let directory = SharedDescriptor(Descriptor(owning: open(path, O_DIRECTORY | O_CLOEXEC)))
        try #require(umount2(path, Int32(MNT_DETACH)) == 0)
        return directory
    }

    @Test("the program waits, the error is shown, and nothing is lost")
    func diskFull() async throws {
        let directory = try tinyDisk()
        let pump = try Pump()
        let pipe = try Pipe()
        let writer = SharedDescriptor(try pipe.writer.duplicate())
        let told = Mutex<[KernelError]>([])
        let stream = try OutputStream(
            pipe: SharedDescriptor(try pipe.reader.duplicate()),
            spool: SpoolLocation(directory: directory, name: "stdout"), pump: pump
        ) { error in told.withLock { $0.append(error) } }
        let data = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 / 251 &+ $0) }
        try startThread(named: "program") {
            var done = 0
            while done < data.count { done += (try? writer.writeSome(data, from: done)) ?? data.count }
            stream.finish()
        }
        var refused = false
        for _ in 0..<12_000 where !refused {
            refused = stream.statistics.spoolError?.errno == .noSpace
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(refused)
        #expect(stream.statistics.spoolError?.subject == "stdout")
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let client = SharedDescriptor(Descriptor(owning: ends[1]))
        let server = ends[0]
        async let end = stream.attach(Descriptor(owning: server))
        let got: [UInt8] = await withCheckedContinuation { continuation in
            try? startThread(named: "client") {
                var all: [UInt8] = []
                var piece = [UInt8](repeating: 0, count: 65_536)
                while let count = try? client.readSome(into: &piece), count > 0 { all += piece[..<count] }
                continuation.resume(returning: all)
            }
        }
        #expect(got == data)
        #expect(await end == .delivered(UInt64(data.count)))
        stream.close()
        #expect(told.withLock { $0 } == [KernelError(call: "splice", errno: .noSpace, subject: "stdout")])
    }
}
