import Kernel
import Testing

@testable import Runtime

@Suite("Output stream")
struct StreamOutputTests {
    /// Limits under which the only attacher is always served straight from the pipe.
    private var directOnly: OutputLimits {
        var limits = OutputLimits.standard
        limits.blockNanoseconds = 3_600_000_000_000
        limits.lingerNanoseconds = 3_600_000_000_000
        return limits
    }

    @Test("bytes go straight from the pipe to one attacher", arguments: [true, false])
    func direct(tcp: Bool) async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe, limits: directOnly)
        let data = randomBytes(24 * mebibyte + 4711)
        let (client, end) = try (tcp ? Connection.tcp() : Connection.unix()).attach(to: stream)
        let reading = Task { try await client.read() }
        try await pipe.writing(data).value
        stream.finish()
        #expect(await end.value == .delivered(UInt64(data.count)))
        try await expectSame(reading.value, data[...])
        #expect(stream.statistics.fromProgram == UInt64(data.count))
        #expect(stream.statistics.spooled == 0)
        #expect(!fixture.spoolExists)
    }

    @Test("a reader that pauses until the spool is full loses nothing")
    func pausingReader() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(48 * mebibyte)
        let (client, end) = try Connection.tcp().attach(to: stream)
        let writing = pipe.writing(data)
        #expect(await eventually { stream.statistics.held == OutputLimits.standard.spoolBytes })
        let reading = Task { try await client.read() }
        try await writing.value
        stream.finish()
        #expect(await end.value == .delivered(UInt64(data.count)))
        try await expectSame(reading.value, data[...])
        #expect(stream.statistics.held == 0)
    }

    @Test("attachers at different pace each get everything")
    func severalAttachers() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(12 * mebibyte)
        let (fast, fastEnd) = try Connection.tcp().attach(to: stream)
        let (slow, slowEnd) = try Connection.tcp().attach(to: stream)
        #expect(await eventually { stream.statistics.attachers == 2 })
        let fastReading = Task { try await fast.read() }
        try await pipe.writing(data).value
        stream.finish()
        #expect(await fastEnd.value == .delivered(UInt64(data.count)))
        try await expectSame(fastReading.value, data[...])
        try await expectSame(slow.read(), data[...])
        #expect(await slowEnd.value == .delivered(UInt64(data.count)))
        #expect(stream.statistics.delivered == UInt64(2 * data.count))
    }

    @Test("short output waits in the pipe for the first attacher and never touches the disk")
    func shortOutputStaysInPipe() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe, limits: directOnly)
        try pipe.write(Array("hello\n".utf8))
        stream.finish()
        let (client, end) = try Connection.tcp().attach(to: stream)
        #expect(await end.value == .delivered(6))
        #expect(try await client.read() == Array("hello\n".utf8))
        #expect(!fixture.spoolExists)
    }

    @Test("output without attachers is kept, for whoever attaches first, also after the program's end")
    func attachAfterFinish() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(10 * mebibyte)
        try await pipe.writing(data).value
        stream.finish()
        let (client, end) = try Connection.tcp().attach(to: stream)
        try await expectSame(client.read(), data[...])
        #expect(await end.value == .delivered(UInt64(data.count)))
        let (late, lateEnd) = try Connection.tcp().attach(to: stream)
        #expect(try await late.read().isEmpty)
        #expect(await lateEnd.value == .delivered(0))
    }

    @Test("a little output without attachers moves to the disk after a moment, so that the program cannot get stuck")
    func lingeringOutputIsSpooled() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        try pipe.write([1, 2, 3])
        #expect(await eventually { stream.statistics.held == 3 })
        #expect(fixture.spoolExists)
    }

    @Test("the next attacher goes on exactly where the one that vanished stopped")
    func reattach() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(30 * mebibyte)
        let writing = pipe.writing(data)
        var position = 0
        for _ in 0..<4 {
            let (client, end) = try Connection.tcp().attach(to: stream)
            let got = try await client.read(atMost: 3 * mebibyte)
            expectSame(got, data[position..<position + got.count])
            client.vanish()
            guard case .clientGone(let accepted) = await end.value else {
                Issue.record("not noticed")
                return
            }
            #expect(Int(accepted) >= got.count)
            position += Int(accepted)
        }
        let (last, end) = try Connection.tcp().attach(to: stream)
        let reading = Task { try await last.read() }
        try await writing.value
        stream.finish()
        try await expectSame(reading.value, data[position...])
        #expect(await end.value == .delivered(UInt64(data.count - position)))
    }

    @Test("the end of the pipe is the end of the output")
    func endOfPipe() async throws {
        let fixture = try StreamFixture()
        var pipe: ProgramPipe? = try ProgramPipe()
        let reader = try #require(pipe).reader
        let stream = try OutputStream(pipe: reader, spool: fixture.spool, pump: fixture.pump)
        let (client, end) = try Connection.unix().attach(to: stream)
        try pipe?.write(Array("last words".utf8))
        pipe = nil
        #expect(await end.value == .delivered(10))
        #expect(try await client.read() == Array("last words".utf8))
        let (late, lateEnd) = try Connection.unix().attach(to: stream)
        #expect(await lateEnd.value == .delivered(0))
        #expect(try await late.read().isEmpty)
    }

    @Test("background children that hold the pipe neither delay the end nor lose their output")
    func backgroundChild() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        try pipe.write(Array("program".utf8))
        stream.finish()
        let (first, firstEnd) = try Connection.unix().attach(to: stream)
        #expect(await firstEnd.value == .delivered(7))
        #expect(try await first.read() == Array("program".utf8))
        try pipe.write(Array("child".utf8))
        let (second, secondEnd) = try Connection.unix().attach(to: stream)
        #expect(await secondEnd.value == .delivered(5))
        #expect(try await second.read() == Array("child".utf8))
    }

    @Test("a cancelled task detaches and leaves the rest to others")
    func cancellation() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let (first, firstEnd) = try Connection.unix().attach(to: stream)
        try pipe.write([1])
        #expect(try await first.read(atMost: 1) == [1])
        firstEnd.cancel()
        #expect(await firstEnd.value == .detached(1))
        try pipe.write([2])
        stream.finish()
        let (second, secondEnd) = try Connection.unix().attach(to: stream)
        #expect(await secondEnd.value == .delivered(1))
        #expect(try await second.read() == [2])
    }

    @Test("closing ends attachers and deletes the file; later attachers end at once")
    func close() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        try pipe.write([1])
        #expect(await eventually { fixture.spoolExists })
        let (client, end) = try Connection.unix().attach(to: stream)
        #expect(try await client.read(atMost: 1) == [1])
        stream.close()
        #expect(await end.value == .closed(1))
        #expect(!fixture.spoolExists)
        let (_, lateEnd) = try Connection.unix().attach(to: stream)
        #expect(await lateEnd.value == .closed(0))
    }

    @Test("a head comes before the output; a peer with no room for it is gone and holds up nobody")
    func head() async throws {
        let fixture = try StreamFixture()
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let clogged = try Connection.unix()
        try clogged.server.setNonBlocking(true)
        let filler = SharedDescriptor(try clogged.server.duplicate())
        while try filler.writeSome([UInt8](repeating: 0, count: 65_536)) != nil {}
        let (idle, refused) = clogged.attach(to: stream, after: [1, 2])
        #expect(await refused.value == .clientGone(0))
        let (client, end) = try Connection.unix().attach(to: stream, after: [1, 2])
        try pipe.write([3])
        stream.finish()
        #expect(try await client.read() == [1, 2, 3])
        #expect(await end.value == .delivered(1))
        idle.vanish()
    }

    @Test("many idle streams cost no thread and do not disturb a busy one")
    func idleStreams() async throws {
        let fixture = try StreamFixture()
        let idle = try (0..<1000).map { number in
            let pipe = try ProgramPipe()
            let location = SpoolLocation(directory: fixture.directory, name: "idle-\(number)")
            return (pipe, try OutputStream(pipe: pipe.reader, spool: location, pump: fixture.pump))
        }
        let pipe = try ProgramPipe()
        let stream = try fixture.stream(pipe)
        let data = randomBytes(4 * mebibyte)
        let (client, end) = try Connection.tcp().attach(to: stream)
        let reading = Task { try await client.read() }
        try await pipe.writing(data).value
        stream.finish()
        #expect(await end.value == .delivered(UInt64(data.count)))
        try await expectSame(reading.value, data[...])
        for (pipe, stream) in idle { #expect(stream.statistics == OutputStatistics(), "\(pipe.reader.number)") }
    }
}
