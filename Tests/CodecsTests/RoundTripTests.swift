import Codecs
import Testing

@Suite struct RoundTripTests {
    /// Around the sizes of the blocks: 128 KiB of gzip, 512 KiB at once of zstd, 1 MiB of s2.
    static let sizes: [Int] = {
        let blocks: [Int] = [128 << 10, 512 << 10, 1 << 20]
        let around = blocks.flatMap { (block: Int) -> [Int] in [block - 1, block, block + 1] }
        return [0, 1, 2, 31, 32, 33, 60, 61, 257, 32 << 10, 65_537, 3 << 20] + around
    }()

    @Test(arguments: Format.allCases, Sample.allCases)
    func whatWasEncodedIsDecoded(format: Format, sample: Sample) throws {
        for size in RoundTripTests.sizes {
            let bytes = sample.bytes(size)
            let encoded = try encode(bytes, format, threads: size % 3)
            #expect(try decode(encoded, format) == bytes, "\(size) bytes")
            #expect(try decode(encoded, format, readsAhead: true) == bytes, "\(size) bytes, ahead")
        }
    }

    @Test(arguments: Format.allCases, Sample.allCases)
    func largeStreams(format: Format, sample: Sample) throws {
        let bytes = sample.bytes(10 << 20)
        let encoded = try encode(bytes, format, piece: 1 << 20)
        #expect(try decode(encoded, format, readsAhead: true) == bytes)
    }

    @Test(arguments: Format.allCases)
    func everyLevel(format: Format) throws {
        let bytes = Sample.text.bytes(300_000)
        for level in [-5, 1, 2, 3, 6, 9, 1000] {
            #expect(try decode(try encode(bytes, format, level: level), format) == bytes, "level \(level)")
        }
    }

    /// The source gives one byte at a time, and the consumer takes one.
    @Test(arguments: Format.allCases)
    func singleBytes(format: Format) throws {
        let bytes = Sample.text.bytes(5000)
        let encoded = try encode(bytes, format, piece: 1)
        #expect(try decode(encoded, format, readsAhead: true, piece: 1) == bytes)
        for readsAhead in [false, true] {
            let reader = DecodingReader(format, readsAhead: readsAhead, source: source(of: encoded, piece: 1))
            var result: [UInt8] = []
            var byte: UInt8 = 0
            while try withUnsafeMutableBytes(of: &byte, { try reader.read(into: $0) }) == 1 { result.append(byte) }
            #expect(result == bytes)
        }
    }

    @Test(arguments: [Format.gzip, .zstd, .s2])
    func streamsBehindOneAnother(format: Format) throws {
        let first = Sample.text.bytes(200_000)
        let second = Sample.random.bytes(1000)
        let encoded = try encode(first, format) + encode([], format) + encode(second, format)
        #expect(try decode(encoded, format) == first + second)
        #expect(try decode(encoded, format, readsAhead: true, piece: 7) == first + second)
    }

    /// The same stream comes of any number of threads.
    @Test(arguments: [Format.gzip, .s2])
    func threadsDoNotShow(format: Format) throws {
        let bytes = Sample.text.bytes(3 << 20)
        let encoded = try encode(bytes, format, threads: 0)
        for threads in 1...4 { #expect(try encode(bytes, format, threads: threads) == encoded) }
    }

    @Test func formatsAreKnownByTheirStart() throws {
        for format in [Format.gzip, .zstd, .s2] {
            let encoded = try encode(Sample.text.bytes(1000), format)
            #expect(Format(signature: encoded) == format)
            #expect(try decode(encoded, nil, piece: 1) == Sample.text.bytes(1000))
        }
        #expect(Format(signature: [0x53, 0x2a, 0x4d, 0x18]) == .zstd)
        #expect(Format(signature: [0xff, 6, 0, 0] + Array("sNaPpY".utf8)) == .s2)
        #expect(Format(signature: [0x1f, 0x8b, 7]) == .raw)
        #expect(Format(signature: []) == .raw)
        #expect(try decode([], nil) == [])
        #expect(try decode([0x1f], nil) == [0x1f])
        let tar = Sample.text.bytes(2000)
        #expect(try decode(tar, nil, readsAhead: true) == tar)
    }
}
