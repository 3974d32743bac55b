import TestSupport
import Testing

@testable import Codecs

/// What is not whole is an error, whatever it is; nothing crashes, and nothing goes on for ever.
@Suite struct DamageTests {
    static let formats: [Format] = [.gzip, .zstd, .s2]

    /// Of S2 a stream that is cut between two chunks cannot be told from a whole one.
    @Test(arguments: formats)
    func everyCutIsFound(format: Format) throws {
        let bytes = Sample.text.bytes(700)
        let encoded = try encode(bytes, format)
        for count in encoded.indices where format != .s2 || count != S2Chunk.s2Identifier.count {
            let fault = fault(of: Array(encoded.prefix(count)), format)
            #expect(fault?.kind == .truncated, "cut at \(count): \(String(describing: fault))")
            #expect(fault?.offset ?? 0 <= UInt64(count))
        }
        #expect(try decode(encoded, format) == bytes)
    }

    /// What was decoded before the damage is handed out before the error, and the error comes again.
    @Test(arguments: formats, [false, true])
    func dataBeforeTheDamageIsHandedOut(format: Format, readsAhead: Bool) throws {
        let bytes = Sample.random.bytes(3 << 20)
        let encoded = try encode(bytes, format)
        let reader = DecodingReader(
            format, readsAhead: readsAhead, source: source(of: encoded.dropLast(1000).map(\.self)))
        var count = 0
        #expect(throws: CodecError.self) {
            while true { count += try reader.nextChunk().count }
        }
        #expect(count >= 2 << 20)
        #expect(throws: CodecError.self) { try reader.nextChunk() }
        #expect(throws: CodecError.self) { try reader.drain() }
    }

    /// Each format's checksum finds what the format itself does not. Only the kind of an S2 chunk has no check: as one of
    /// an unknown kind, it is passed over.
    @Test(arguments: formats)
    func everyBitCounts(format: Format) throws {
        let bytes = Sample.text.bytes(700)
        let encoded = try encode(bytes, format)
        for place in encoded.indices {
            for bit in 0..<8 {
                var damaged = encoded
                damaged[place] ^= 1 << bit
                guard let found = try? decode(damaged, format, limit: 1 << 20) else { continue }
                let isKind = format == .s2 && place == S2Chunk.s2Identifier.count && bit == 7
                #expect(found == (isKind ? [] : bytes), "bit \(bit) of byte \(place)")
            }
        }
    }

    @Test(arguments: formats)
    func garbageBehindTheEnd(format: Format) throws {
        let encoded = try encode(Sample.text.bytes(700), format)
        for garbage: [UInt8] in [[1], [0x1f, 0x8c, 8, 0], Array("garbage".utf8), [0, 0, 0, 0, 7]] {
            let fault = fault(of: encoded + garbage, format)
            #expect(fault != nil, "\(garbage)")
            if format != .s2 { #expect(fault?.kind == .garbage, "\(garbage): \(String(describing: fault))") }
            #expect(fault?.offset ?? 0 >= UInt64(encoded.count))
        }
    }

    @Test(arguments: formats)
    func anotherFormat(format: Format) throws {
        for other in Format.allCases where other != format {
            let fault = fault(of: try encode(Sample.text.bytes(700), other), format)
            #expect(fault?.kind == .damaged, "\(other) as \(format)")
        }
    }

    /// Streams that were changed, cut, doubled and mixed at random, the same ones in every run.
    @Test(arguments: formats, 0..<4)
    func changedAtRandom(format: Format, part: Int) throws {
        var generator = Seeded(UInt64(part) << 8 | UInt64(format.rawValue.utf8.count))
        let samples = try Sample.allCases.map { try encode($0.bytes(20_000), format) }
        for _ in 0..<500 {
            let sample = samples[Int.random(in: 0..<samples.count, using: &generator)]
            let stream = generator.damage(sample)
            _ = try? decode(stream, format, piece: Int.random(in: 1...40_000, using: &generator), limit: 1 << 20)
        }
    }
}
