import FoundationEssentials
import Glibc
import Kernel
import Testing

@testable import Runtime

@Suite("Output spool")
struct StreamSpoolTests {
    private func limits(spool: Int) -> OutputLimits {
        var limits = OutputLimits.standard
        limits.spoolBytes = UInt64(spool)
        return limits
    }

    @Test("the program waits when the spool and the pipe are full, and only then")
    func bound() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe, limits: limits(spool: 2 * mebibyte))
        let data = randomBytes(8 * mebibyte)
        var written = 0
        let full = try await eventually {
            let count = try pipe.writeNow(Array(data[written..<min(written + 65_536, data.count)]))
            written += count
            return count == 0 && stream.statistics.held == UInt64(2 * mebibyte)
        }
        #expect(full)
        #expect(try written == 2 * mebibyte + pipe.reader.unreadBytes())
        stream.finish()
        let (client, end) = try Connection.tcp().attach(to: stream)
        try await expectSame(client.read(), data[..<written])
        #expect(await end.value == .delivered(UInt64(written)))
    }

    @Test("what was read is given back to the disk")
    func punching() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(8 * mebibyte)
        try await pipe.writing(data).value
        #expect(await eventually { stream.statistics.held == UInt64(data.count) })
        let file = try #require(try SparseFile.open("stdout", in: fixture.directory))
        #expect(try file.occupiedBytes() >= UInt64(data.count))
        let (client, _) = try Connection.tcp().attach(to: stream)
        try await expectSame(client.read(atMost: data.count), data[...])
        #expect(try await eventually { try file.occupiedBytes() < UInt64(mebibyte) })
        #expect(try file.size() > UInt64(data.count))
    }

    @Test("an attacher that takes nothing from a full spool is disconnected; the next one gets all it left")
    func stalledAttacher() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        var limits = limits(spool: mebibyte)
        limits.stallNanoseconds = 20_000_000
        let stream = try fixture.stream(pipe, limits: limits)
        let data = randomBytes(16 * mebibyte)
        let writing = pipe.writing(data)
        let (idle, stalled) = try Connection.tcp().attach(to: stream)
        guard case .stalled(let accepted) = await stalled.value else {
            Issue.record("not disconnected")
            return
        }
        #expect(stream.statistics.stalls == 1)
        idle.vanish()
        // From here on the reader decides the pace, and this test must not depend on its being fast.
        limits.stallNanoseconds = OutputLimits.standard.stallNanoseconds
        let pump = try Pump()
        stream.release()
        let next = try OutputStream(pipe: pipe.reader, spool: fixture.spool, limits: limits, pump: pump)
        let (client, end) = try Connection.tcp().attach(to: next)
        let reading = Task { try await client.read() }
        try await writing.value
        next.finish()
        try await expectSame(reading.value, data[Int(accepted)...])
        #expect(await end.value == .delivered(UInt64(data.count) - accepted))
    }

    @Test("an attacher that stalls is disconnected, and one that keeps up beside it gets everything")
    func stalledBesideFast() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        var limits = limits(spool: mebibyte)
        limits.stallNanoseconds = 3_000_000_000
        let stream = try fixture.stream(pipe, limits: limits)
        let data = randomBytes(16 * mebibyte)
        let (idle, stalled) = try Connection.tcp().attach(to: stream)
        let (fast, end) = try Connection.tcp().attach(to: stream)
        #expect(await eventually { stream.statistics.attachers == 2 })
        let reading = Task { try await fast.read() }
        try await pipe.writing(data).value
        stream.finish()
        try await expectSame(reading.value, data[...])
        #expect(await end.value == .delivered(UInt64(data.count)))
        if case .stalled = await stalled.value {} else { Issue.record("not disconnected") }
        idle.vanish()
    }

    @Test("a new daemon goes on where the old one stopped", arguments: [0, 5])
    func restart(readBefore: Int) async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let data = randomBytes(40 * mebibyte)
        let writing = pipe.writing(data)
        var position = 0
        for _ in 0..<3 {
            // Everything of a daemon goes but the pipe and the file; nothing is told to the stream beforehand.
            let pump = try Pump()
            let stream = try OutputStream(pipe: pipe.reader, spool: fixture.spool, pump: pump)
            let (client, end) = try Connection.tcp().attach(to: stream)
            let got = try await client.read(atMost: readBefore * mebibyte)
            expectSame(got, data[position..<position + got.count])
            await pump.stop()
            guard case .closed(let accepted) = await end.value else {
                Issue.record("not closed")
                return
            }
            position += Int(accepted)
        }
        let stream = try fixture.stream(pipe)
        let (client, end) = try Connection.tcp().attach(to: stream)
        let reading = Task { try await client.read() }
        try await writing.value
        stream.finish()
        try await expectSame(reading.value, data[position...])
        #expect(await end.value == .delivered(UInt64(data.count - position)))
    }

    @Test("a mark that was not stored any more repeats bytes and loses none")
    func oldMark() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let data = randomBytes(300_000)
        do {
            let stream = try fixture.stream(pipe)
            try await pipe.writing(data).value
            #expect(await eventually { stream.statistics.held == 300_000 })
            let (client, end) = try Connection.tcp().attach(to: stream)
            try await expectSame(client.read(atMost: 200_000), data[..<200_000])
            stream.release()
            #expect(await end.value.bytes >= 200_000)
        }
        // Punched up to whole 64 KiB before it; so an old mark would be the one before the last piece.
        let file = try #require(try SparseFile.open("stdout", in: fixture.directory))
        let first = Int(try #require(try file.nextData(from: 65_536))) - 65_536
        let mark = UInt64(first)
        try file.write((0..<8).map { UInt8(truncatingIfNeeded: mark >> (8 * $0)) }, at: 8)
        let stream = try fixture.stream(pipe)
        stream.finish()
        let (client, end) = try Connection.tcp().attach(to: stream)
        try await expectSame(client.read(), data[first...])
        #expect(await end.value == .delivered(UInt64(data.count - first)))
    }

    @Test("a damaged file is survived", arguments: [0, 5, 16, 65_536, 65_537, 400_000])
    func damagedFile(size: Int) async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let garbage = randomBytes(size)
        try Data(garbage).write(to: URL(fileURLWithPath: fixture.path + "/stdout"))
        let stream = try fixture.stream(pipe)
        try pipe.write(Array("fresh".utf8))
        stream.finish()
        let (client, _) = try Connection.tcp().attach(to: stream)
        #expect(try await client.read().suffix(5) == Array("fresh".utf8))
    }

    @Test("a mark behind the end is not believed")
    func impossibleMark() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let header = Array("1LPSNRPA".utf8) + [UInt8](repeating: 0xFF, count: 8)
        let padding = [UInt8](repeating: 0, count: 65_536 - header.count)
        try Data(header + padding + Array("kept".utf8)).write(to: URL(fileURLWithPath: fixture.path + "/stdout"))
        let stream = try fixture.stream(pipe)
        stream.finish()
        let (client, _) = try Connection.tcp().attach(to: stream)
        #expect(try await client.read() == Array("kept".utf8))
    }

    @Test("what is no file in the spool's place is refused", arguments: ["link", "directory", "fifo"])
    func foreignObject(kind: String) throws {
        let fixture = try StreamFixture()
        let path = fixture.path + "/stdout"
        switch kind {
        case "link": #expect(symlink("/etc/passwd", path) == 0)
        case "directory": #expect(mkdir(path, 0o700) == 0)
        default: #expect(mkfifo(path, 0o600) == 0)
        }
        let pipe = try ProgramPipe()
        #expect(throws: KernelError.self) { try fixture.stream(pipe) }
        if kind == "directory" { rmdir(path) }
    }

    @Test("the file is its owner's alone")
    func fileMode() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        try pipe.write([1])
        #expect(await eventually { stream.statistics.held == 1 })
        let attributes = try FileManager.default.attributesOfItem(atPath: fixture.path + "/stdout")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
}
