import CKernel
import Glibc
import Kernel
import Testing

@testable import Runtime

@Suite("Output of a terminal")
struct StreamTerminalTests {
    /// _IOW('T', 0x31, int) and _IO('T', 0x41) of asm-generic/ioctls.h.
    private static let unlock: UInt = 0x4004_5431
    private static let openPeer: UInt = 0x5441

    private struct Terminal {
        let master: SharedDescriptor
        let slave: SharedDescriptor

        init() throws {
            master = SharedDescriptor(Descriptor(owning: open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)))
            var locked: Int32 = 0
            try #require(apron_ioctl(master.number, StreamTerminalTests.unlock, &locked) == 0)
            let peer = apron_ioctl_int(master.number, StreamTerminalTests.openPeer, Int(O_RDWR | O_NOCTTY | O_CLOEXEC))
            slave = SharedDescriptor(Descriptor(owning: peer))
            var mode = termios()
            try #require(tcgetattr(slave.number, &mode) == 0)
            cfmakeraw(&mode)
            try #require(tcsetattr(slave.number, TCSANOW, &mode) == 0)
        }
    }

    private func stream(_ terminal: Terminal, _ fixture: StreamFixture) throws -> OutputStream {
        let pipe = try Pipe()
        return try OutputStream(
            source: .terminal(
                master: terminal.master, reader: SharedDescriptor(try pipe.reader.duplicate()),
                writer: SharedDescriptor(try pipe.writer.duplicate())),
            spool: fixture.spool, pump: fixture.pump)
    }

    @Test("everything that was written arrives, then the end", arguments: [true, false])
    func exact(attachedFromTheStart: Bool) async throws {
        let fixture = try StreamFixture()
        let terminal = try Terminal()
        let stream = try stream(terminal, fixture)
        let data = randomBytes(2 * mebibyte)
        let slave = terminal.slave
        let writing = Task {
            try await onThread {
                var done = 0
                while done < data.count { done += try slave.writeSome(data, from: done) ?? 0 }
            }
        }
        if !attachedFromTheStart { try await writing.value }
        let (client, end) = try Connection.tcp().attach(to: stream)
        let reading = Task { try await client.read() }
        try await writing.value
        stream.finish()
        #expect(await end.value == .delivered(UInt64(data.count)))
        try await expectSame(reading.value, data[...])
    }

    @Test("a terminal that was silent is heard again, however often")
    func pauses() async throws {
        let fixture = try StreamFixture()
        let terminal = try Terminal()
        let stream = try stream(terminal, fixture)
        let (client, _) = try Connection.unix().attach(to: stream)
        for number in UInt8(0)..<50 {
            _ = try terminal.slave.writeSome([number])
            #expect(try await client.read(atMost: 1) == [number])
        }
    }

    @Test("the end comes although another process keeps the terminal")
    func endOfProgram() async throws {
        let fixture = try StreamFixture()
        let terminal = try Terminal()
        let stream = try stream(terminal, fixture)
        let (client, end) = try Connection.unix().attach(to: stream)
        _ = try terminal.slave.writeSome(Array("done".utf8))
        stream.finish()
        #expect(await end.value == .delivered(4))
        #expect(try await client.read() == Array("done".utf8))
    }
}
