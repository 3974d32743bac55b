import Testing

@testable import Codecs

@Suite struct S2StreamTests {
    private func chunk(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        [kind] + (0..<3).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) } + body
    }

    private func checksum(_ bytes: [UInt8]) -> [UInt8] {
        let sum = bytes.withUnsafeBytes { S2Chunk.checksum(of: $0) }
        return (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
    }

    private func plain(_ bytes: [UInt8]) -> [UInt8] { chunk(1, checksum(bytes) + bytes) }
    private func compressed(_ elements: S2Elements) -> [UInt8] { chunk(0, checksum(elements.data) + elements.block) }

    private let s2 = S2Chunk.s2Identifier
    private let snappy = S2Chunk.snappyIdentifier
    private let hello = Array("hello".utf8)

    /// RFC 3720, B.4: CRC-32C of 32 bytes, turned by 15 bits and offset.
    @Test func checksums() {
        for (bytes, crc) in [
            (Array(repeating: UInt8(0), count: 32), UInt32(0x8a91_36aa)),
            (Array(repeating: 0xff, count: 32), 0x62a8_ab43),
            (Array(0..<32), 0x46dd_794e), ((0..<32).reversed(), 0x113f_db5c),
        ] {
            #expect(bytes.withUnsafeBytes { S2Chunk.checksum(of: $0) } == (crc >> 15 | crc << 17) &+ 0xa282_ead8)
        }
    }

    /// Streams of other programs: one of S2 with a repeat, one with a repeat whose length takes three bytes, one of Snappy.
    @Test func streamsOfOthers() throws {
        let first: [UInt8] =
            [0xff, 6, 0, 0, 0x53, 0x32, 0x73, 0x54, 0x77, 0x4f, 0, 0x19, 0, 0, 0xd9, 0x2a, 0x81, 0x64, 0x60, 0x14]
            + [
                0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x11, 6, 0x15, 0, 0x43, 0x18, 0x2c, 0x20, 0x77, 0x6f, 0x72, 0x6c,
                0x64,
            ]
        let hellos = Array(repeating: "hello", count: 15).joined(separator: " ")
        #expect(String(decoding: try decode(first, .s2), as: UTF8.self).hasPrefix(hellos))
        let second: [UInt8] =
            [
                0xff, 6, 0, 0, 0x53, 0x32, 0x73, 0x54, 0x77, 0x4f, 0, 0x20, 0, 0, 0x44, 0x71, 0x5f, 0x91, 0xd0, 0xca,
                0x16,
            ]
            + [0x1c, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x11, 8, 0x1d, 0, 0xcc, 0x93, 3, 0, 0x78, 0x11, 1]
            + [0x1d, 0, 0x63, 0x11, 0]
        #expect(try decode(second, .s2) == S2StreamTests.letters)
        let third: [UInt8] =
            [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59, 0, 0x0f, 0, 0, 0xd7, 0x97, 0xad, 0x9b, 0x23, 0x14]
            + [0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x72, 6, 0]
        #expect(try decode(third, .s2) == Array("hello hello hello hello hello hello".utf8))
    }

    static let letters =
        Array(repeating: Array("abcdefgh".utf8), count: 37_500).flatMap(\.self) + Array(repeating: 0x78, count: 70_000)

    @Test func chunksOfEveryKind() throws {
        var elements = S2Elements()
        elements.literal(hello, extra: 0)
        elements.nearCopy(5, 10)
        let both = elements.data + hello
        #expect(try decode(s2 + compressed(elements) + plain(hello), .s2) == both)
        #expect(try decode(snappy + compressed(elements) + plain(hello), .s2) == both)
        #expect(try decode(s2 + compressed(elements) + snappy + s2 + plain(hello), .s2, piece: 1) == both)
        // Chunks to pass over: padding, an index, unknown ones; also empty ones and long ones.
        for kind: UInt8 in [0x80, 0x99, 0xfd, 0xfe] {
            let passed = chunk(kind, []) + chunk(kind, Array(repeating: 7, count: 300_000))
            #expect(try decode(s2 + passed + plain(hello) + passed, .s2) == hello)
        }
        for kind: UInt8 in [2, 3, 4, 0x7f] {
            let fault = fault(of: s2 + plain(hello) + chunk(kind, hello), .s2)
            #expect(fault?.kind == .unsupported)
            #expect(fault?.offset == UInt64(s2.count + 8 + hello.count))
        }
        // No data at all.
        #expect(try decode(s2, .s2) == [])
        #expect(try decode(s2 + plain([]) + chunk(0, checksum([]) + [0]), .s2) == [])
    }

    @Test func identifiersAreWanted() {
        for stream in [plain(hello), chunk(0xfe, [0]) + s2, chunk(0xff, Array("S2sTwX".utf8)), chunk(0xff, hello)] {
            #expect(fault(of: stream + plain(hello), .s2)?.kind == .damaged)
        }
        #expect(fault(of: [], .s2)?.kind == .truncated)
        #expect(fault(of: s2 + plain(hello) + chunk(0xff, Array("sNaPpy".utf8)), .s2)?.kind == .damaged)
    }

    @Test func sizesAreLimited() throws {
        let large = Sample.random.bytes(S2Chunk.dataBytesMax)
        #expect(try decode(s2 + plain(large), .s2) == large)
        #expect(fault(of: s2 + plain(large + [1]), .s2)?.kind == .damaged)
        let small = Array(large.prefix(S2Chunk.snappyDataBytesMax))
        #expect(try decode(snappy + plain(small), .s2) == small)
        #expect(fault(of: snappy + plain(small + [1]), .s2)?.kind == .damaged)

        // A block that claims more than it may: nothing is made of it.
        #expect(fault(of: s2 + chunk(0, checksum([]) + S2Elements.varint(4 << 20 + 1)), .s2)?.kind == .damaged)
        #expect(fault(of: snappy + chunk(0, checksum([]) + S2Elements.varint(65_537)), .s2)?.kind == .damaged)
        // A chunk that claims the most that a header can say.
        #expect(fault(of: s2 + [0, 0xff, 0xff, 0xff, 1, 2, 3, 4], .s2)?.kind == .damaged)
        #expect(fault(of: s2 + [1, 0xff, 0xff, 0xff, 1, 2, 3, 4], .s2)?.kind == .damaged)
        #expect(fault(of: s2 + [0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4], .s2)?.kind == .truncated)
        for kind: UInt8 in 0...1 { #expect(fault(of: s2 + chunk(kind, [1, 2, 3]), .s2)?.kind == .damaged) }
    }

    @Test func checksumsAreChecked() {
        var wrong = s2 + plain(hello)
        wrong[14] ^= 1
        let fault = fault(of: wrong, .s2)
        #expect(fault?.kind == .checksum)
        #expect(fault?.offset == UInt64(s2.count))
    }

    /// What does not become smaller goes as it is, and nothing is ever much longer than before.
    @Test func encodedChunks() throws {
        let random = try encode(Sample.random.bytes(2 << 20), .s2)
        #expect(random.count == s2.count + 2 * (8 + 1 << 20))
        #expect(random[s2.count] == 1)
        let zeros = try encode(Sample.zeros.bytes(1 << 20), .s2)
        #expect(zeros.count < 40)
        #expect(zeros[s2.count] == 0)
        #expect(try encode([], .s2) == s2)
    }
}
