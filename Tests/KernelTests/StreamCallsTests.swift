import Glibc
import Kernel
import Testing

@Suite("Stream calls")
struct StreamCallsTests {
    private func pipe() throws -> (reader: SharedDescriptor, writer: SharedDescriptor) {
        let pipe = try Pipe()
        return (SharedDescriptor(try pipe.reader.duplicate()), SharedDescriptor(try pipe.writer.duplicate()))
    }

    /// An empty directory that goes with the test.
    private final class Scratch {
        let directory: SharedDescriptor
        private let path: String

        init() throws {
            var template = Array("/tmp/apron-streams.XXXXXX".utf8CString)
            path = String(cString: try #require(mkdtemp(&template)))
            directory = SharedDescriptor(Descriptor(owning: open(path, O_DIRECTORY | O_CLOEXEC)))
        }

        deinit {
            for name in ["f", "link", "fifo"] { unlinkat(directory.number, name, 0) }
            rmdir(path)
        }
    }

    @Test("a pipe tells what is in it and can grow")
    func pipeFacts() throws {
        let (reader, writer) = try pipe()
        #expect(try reader.unreadBytes() == 0)
        #expect(try writer.writeSome([1, 2, 3]) == 3)
        #expect(try reader.unreadBytes() == 3)
        #expect(writer.isWritableNow())
        let capacity = try reader.pipeCapacity()
        #expect(try reader.setPipeCapacity(capacity / 2) == capacity / 2)
        #expect(fcntl(reader.number, F_GETFD) == FD_CLOEXEC)
    }

    @Test("splice tells would-block from the end, and moves to a place in a file")
    func splice() throws {
        let scratch = try Scratch()
        let file = try SparseFile.create("f", in: scratch.directory)
        var ends: (reader: SharedDescriptor, writer: SharedDescriptor)? = try pipe()
        let reader = try #require(ends).reader
        #expect(try reader.splice(to: file.descriptor, at: 0, count: 10) == nil)
        _ = try #require(ends).writer.writeSome([1, 2, 3])
        #expect(try reader.splice(to: file.descriptor, at: 5, count: 10) == 3)
        ends = nil
        #expect(try reader.splice(to: file.descriptor, at: 8, count: 10) == 0)
        #expect(try file.read(20, at: 0) == [0, 0, 0, 0, 0, 1, 2, 3])
    }

    @Test("a part of a file is sent, and its end is told from a full socket")
    func send() throws {
        let scratch = try Scratch()
        let file = try SparseFile.create("f", in: scratch.directory)
        try file.write([1, 2, 3, 4, 5], at: 0)
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (near, far) = (
            SharedDescriptor(Descriptor(owning: ends[0])), SharedDescriptor(Descriptor(owning: ends[1]))
        )
        #expect(try file.send(to: near, at: 1, count: 3) == 3)
        #expect(try file.send(to: near, at: 5, count: 3) == 0)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(try far.readSome(into: &bytes) == 3)
        #expect(bytes[..<3] == [2, 3, 4])
        try file.write([UInt8](repeating: 1, count: 1 << 20), at: 0)
        var sent: Int? = 1
        while sent != nil { sent = try file.send(to: near, at: 0, count: 1 << 20) }
    }

    @Test("a punched range is free and reads as zeros")
    func sparseFile() throws {
        let scratch = try Scratch()
        let file = try SparseFile.create("f", in: scratch.directory)
        try file.write([UInt8](repeating: 7, count: 256 * 1024), at: 0)
        let before = try file.occupiedBytes()
        try file.punchHole(at: 0, length: 128 * 1024)
        #expect(try file.occupiedBytes() <= before - 128 * 1024)
        #expect(try file.size() == 256 * 1024)
        #expect(try file.nextData(from: 0) == 128 * 1024)
        #expect(try file.nextData(from: 256 * 1024) == nil)
        #expect(try file.read(2, at: 128 * 1024 - 1) == [0, 7])
        let taken = #expect(throws: KernelError.self) { try SparseFile.create("f", in: scratch.directory) }
        #expect(taken?.errno == .exists)
        try SparseFile.remove("f", in: scratch.directory)
        #expect(try SparseFile.open("f", in: scratch.directory) == nil)
    }

    @Test("a link or a pipe is not taken for a file, and does not block")
    func foreignObjects() throws {
        let scratch = try Scratch()
        #expect(symlinkat("/etc/hostname", scratch.directory.number, "link") == 0)
        #expect(mkfifoat(scratch.directory.number, "fifo", 0o600) == 0)
        let link = #expect(throws: KernelError.self) { try SparseFile.open("link", in: scratch.directory) }
        #expect(link?.errno == .tooManyLinks)
        let fifo = #expect(throws: KernelError.self) { try SparseFile.open("fifo", in: scratch.directory) }
        #expect(fifo?.errno == .invalid)
    }

    @Test("writing to a pipe without readers is an error, not a signal, on a thread of ours")
    func brokenPipe() async throws {
        let errno = await withCheckedContinuation { (continuation: CheckedContinuation<ErrorNumber?, Never>) in
            do {
                var ends: (reader: SharedDescriptor?, writer: SharedDescriptor) = try pipe()
                ends.reader = nil
                let writer = ends.writer
                try startThread(named: "test") {
                    do throws(KernelError) {
                        _ = try writer.writeSome([1])
                        continuation.resume(returning: nil)
                    } catch {
                        continuation.resume(returning: error.errno)
                    }
                }
            } catch {
                continuation.resume(returning: nil)
            }
        }
        #expect(errno == .brokenPipe)
    }

    @Test("epoll reports the token of what is ready, once it was added and until it is removed")
    func epoll() throws {
        let epoll = try Epoll()
        let (reader, writer) = try pipe()
        var seen: [UInt64] = []
        try epoll.add(reader, .readable, token: 42)
        try epoll.wait(milliseconds: 0) { token, _ in seen.append(token) }
        #expect(seen == [])
        _ = try writer.writeSome([1])
        try epoll.wait(milliseconds: -1) { token, events in
            seen.append(token)
            #expect(events == .readable)
        }
        #expect(seen == [42])
        let twice = #expect(throws: KernelError.self) { try epoll.add(reader, .readable, token: 43) }
        #expect(twice?.errno == .exists)
        try epoll.remove(reader)
        try epoll.wait(milliseconds: 0) { token, _ in seen.append(token) }
        #expect(seen == [42])
    }

    @Test("an event counter is readable from its signal until it is drained")
    func eventCounter() throws {
        let counter = try EventCounter()
        let epoll = try Epoll()
        try epoll.add(counter.descriptor, .readable, token: 1)
        var count = 0
        counter.signal()
        counter.signal()
        try epoll.wait(milliseconds: 0) { _, _ in count += 1 }
        counter.drain()
        try epoll.wait(milliseconds: 0) { _, _ in count += 1 }
        #expect(count == 1)
    }
}
