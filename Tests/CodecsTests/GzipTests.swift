import Codecs
import Testing

@Suite struct GzipTests {
    /// `hello\n` by hand: a stored block.
    static let hello: [UInt8] =
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + [1, 6, 0, 0xf9, 0xff] + Array("hello\n".utf8) + helloEnd
    static let helloEnd: [UInt8] = [0x20, 0x30, 0x3a, 0x36, 6, 0, 0, 0]

    @Test func aStoredBlock() throws {
        #expect(try decode(GzipTests.hello, .gzip) == Array("hello\n".utf8))
    }

    /// FEXTRA, FNAME, FCOMMENT and FHCRC.
    @Test func headersWithEverything() throws {
        var member = GzipTests.hello
        member[3] = 4 | 8 | 16
        member.insert(contentsOf: [4, 0, 0x61, 0x62, 0, 0] + Array("name\0comment\0".utf8), at: 10)
        #expect(try decode(member, .gzip) == Array("hello\n".utf8))
        member[3] |= 2
        member.insert(contentsOf: [0, 0], at: 10 + 6 + 13)
        #expect(fault(of: member, .gzip)?.kind == .checksum)
        // Reserved flags.
        member[3] = 0x20
        #expect(fault(of: member, .gzip)?.kind == .damaged)
    }

    @Test func trailersAreChecked() {
        var member = GzipTests.hello
        member[member.count - 8] ^= 1
        #expect(fault(of: member, .gzip)?.kind == .checksum)
        member = GzipTests.hello
        member[member.count - 1] ^= 1
        #expect(fault(of: member, .gzip)?.kind == .checksum)
    }

    @Test func zeroBytesBehindTheEndArePassedOver() throws {
        for count in [1, 2, 3, 512, 300_000] {
            let padded = GzipTests.hello + Array(repeating: 0, count: count)
            #expect(try decode(padded, .gzip) == Array("hello\n".utf8))
            #expect(fault(of: padded + GzipTests.hello, .gzip)?.kind == .garbage)
            #expect(fault(of: padded + GzipTests.hello, .gzip)?.offset == UInt64(padded.count))
        }
    }

    @Test func theOffsetOfDamage() throws {
        let first = try encode(Sample.random.bytes(400_000), .gzip)
        var second = GzipTests.hello
        second[10] = 7
        let fault = fault(of: first + second, .gzip)
        #expect(fault?.kind == .damaged)
        #expect((first.count + 10...first.count + 11).contains(Int(fault?.offset ?? 0)))
        #expect("\(try #require(fault))".hasPrefix("gzip stream damaged at byte 40"))
    }

    /// An empty stream is a header, an empty block and a trailer.
    @Test func anEmptyStream() throws {
        let encoded = try encode([], .gzip)
        #expect(encoded == [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3] + [3, 0] + Array(repeating: 0, count: 8))
    }
}
