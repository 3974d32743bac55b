import Codecs
import Kernel
import Synchronization
import Testing

/// Readers and writers as parts of a pipeline: what they keep, what they pass on.
@Suite struct PipelineTests {
    private struct Broken: Error {}

    @Test(arguments: [Format.gzip, .zstd, .s2], [false, true])
    func errorsOfTheSourceArePassedOn(format: Format, readsAhead: Bool) throws {
        let given = Atomic(0)
        let encoded = try encode(Sample.text.bytes(3 << 20), format)
        let first = source(of: Array(encoded.dropLast(5000)))
        let reader = DecodingReader(format, readsAhead: readsAhead) { target in
            let count = try first(target)
            given.add(1, ordering: .relaxed)
            if count == 0 { throw Broken() }
            return count
        }
        #expect(throws: Broken.self) { try reader.drain() }
        #expect(throws: Broken.self) { try reader.drain() }
        #expect(given.load(ordering: .relaxed) > 0)
    }

    @Test(arguments: Format.allCases)
    func errorsOfTheSinkArePassedOn(format: Format) throws {
        var calls = 0
        let writer = try EncodingWriter(format, threads: 2) { _ in
            calls += 1
            if calls == 3 { throw Broken() }
        }
        let bytes = Sample.random.bytes(1 << 20)
        #expect(throws: Broken.self) {
            for _ in 0..<100 { try bytes.withUnsafeBytes { try writer.write($0) } }
        }
        #expect(throws: Broken.self) { try writer.finish() }
        #expect(calls == 3)
    }

    /// A reader takes no more from its source than it has room for.
    @Test func readersHoldBack() throws {
        let taken = Atomic(0)
        let encoded = try encode(Sample.random.bytes(16 << 20), .s2)
        let inner = source(of: encoded)
        let reader = DecodingReader(.s2) { target in
            let count = try inner(target)
            taken.add(count, ordering: .relaxed)
            return count
        }
        var given = 0
        while true {
            // The chunks that are ready, one block, and what one look at the source gives.
            #expect(taken.load(ordering: .relaxed) - given <= 4 * (256 << 10) + (1 << 20) + (256 << 10))
            let count = try reader.nextChunk().count
            if count == 0 { break }
            given += count
        }
        #expect(given == 16 << 20)
    }

    /// A writer keeps no more than its blocks: two a thread and two.
    @Test(arguments: [(Format.gzip, 128 << 10), (.s2, 1 << 20)])
    func writersHoldBack(format: Format, blockBytes: Int) throws {
        var out = 0
        var into = 0
        let writer = try EncodingWriter(format, threads: 2) { out += $0.count }
        let bytes = Sample.random.bytes(12 * blockBytes)
        let piece = 64 << 10
        while into < bytes.count {
            try bytes.withUnsafeBytes { bytes in
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[into..<into + piece]))
            }
            into += piece
            #expect(into - out <= 6 * blockBytes)
        }
        try writer.finish()
        #expect(out > into)
    }

    /// A reader that goes away ends its thread, which holds the source.
    @Test(arguments: [Format.gzip, .zstd, .s2])
    func abandonedReadersEnd(format: Format) throws {
        final class Token: Sendable {}
        weak var watched: Token?
        let encoded = try encode(Sample.random.bytes(8 << 20), format)
        do {
            let token = Token()
            watched = token
            let inner = source(of: encoded)
            let reader = DecodingReader(format) { target in
                withExtendedLifetime(token) {}
                return try inner(target)
            }
            #expect(try reader.nextChunk().count > 0)
        }
        let end = bootTime() + 60_000_000_000
        while watched != nil, bootTime() < end {}
        #expect(watched == nil)
    }

    /// Writers whose streams are not finished leave nothing behind, whatever their threads are at.
    @Test(arguments: Format.allCases)
    func abandonedWriters(format: Format) throws {
        let bytes = Sample.text.bytes(1 << 20)
        for _ in 0..<5 {
            let writer = try EncodingWriter(format, threads: 3) { _ in }
            for _ in 0..<3 { try bytes.withUnsafeBytes { try writer.write($0) } }
        }
    }

    /// A tar reader stops before the end of the stream; the rest is still looked at.
    @Test func drainingFindsTheEnd() throws {
        let encoded = try encode(Sample.text.bytes(2 << 20), .gzip)
        for (stream, isWhole) in [(encoded, true), (Array(encoded.dropLast()), false)] {
            let reader = DecodingReader(.gzip, source: source(of: stream))
            var header = Array(repeating: UInt8(0), count: 512)
            #expect(try header.withUnsafeMutableBytes { try reader.read(into: $0) } == 512)
            if isWhole {
                #expect(try reader.drain() == 2 << 20 - 512)
                #expect(try reader.drain() == 0)
            } else {
                #expect(throws: CodecError.self) { try reader.drain() }
            }
        }
        let endless = DecodingReader(.raw) { $0.count }
        #expect(try endless.drain(limit: 1 << 20) > 1 << 20)
    }
}
