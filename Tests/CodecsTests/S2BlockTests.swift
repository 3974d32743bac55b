import TestSupport
import Testing

@testable import Codecs

@Suite struct S2BlockTests {
    /// Decodes a block, and sees that nothing behind the memory that it may use is touched.
    private func decode(_ block: [UInt8], limit: Int = S2Chunk.dataBytesMax) throws -> [UInt8] {
        let guarded = 64
        let input = RawMemory(count: block.count + S2Block.slack)
        input.bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
        input.bytes.copyBytes(from: block)
        let size = limit + S2Block.slack
        let output = RawMemory(count: size + guarded)
        let end = UnsafeMutableRawBufferPointer(rebasing: output.bytes[size...])
        end.initializeMemory(as: UInt8.self, repeating: 0xa5)
        defer { #expect(end.allSatisfy { $0 == 0xa5 }) }
        let bytes = UnsafeRawBufferPointer(rebasing: input.bytes[..<block.count])
        let count = try S2Block.decode(bytes, into: output.bytes, limit: limit)
        return Array(output.bytes.prefix(count))
    }

    private func expectDecodes(_ elements: S2Elements, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try decode(elements.block) == elements.data, sourceLocation: sourceLocation)
        // To the last byte of the memory.
        #expect(try decode(elements.block, limit: elements.data.count) == elements.data, sourceLocation: sourceLocation)
        #expect(throws: S2Block.Fault.self, sourceLocation: sourceLocation) {
            try decode(elements.block, limit: elements.data.count - 1)
        }
    }

    @Test func literals() throws {
        for (count, extra) in [
            (1, 0), (60, 0), (60, 1), (61, 1), (256, 1), (1, 2), (257, 2), (65_536, 2), (65_537, 3), (9, 4),
            (100_000, 4),
        ] {
            var elements = S2Elements()
            elements.literal(Sample.random.bytes(count), extra: extra)
            elements.literal([7], extra: 0)
            try expectDecodes(elements)
        }
    }

    @Test func copies() throws {
        for offset in Array(1...40) + [63, 64, 65, 255, 256, 2047] {
            var elements = S2Elements()
            elements.literal(Sample.random.bytes(2100), extra: 2)
            for count in 4...11 { elements.nearCopy(offset, count) }
            for count in 1...64 {
                elements.copy(offset, count, offsetBytes: 2)
                elements.copy(offset, count, offsetBytes: 4)
            }
            elements.literal([1, 2, 3], extra: 0)
            try expectDecodes(elements)
        }
    }

    @Test func farCopies() throws {
        var elements = S2Elements()
        elements.literal(Sample.random.bytes(3 << 20), extra: 3)
        for offset in [65_535, 65_536, 65_537, 1 << 20, 3 << 20] {
            if offset < 65_536 { elements.copy(offset, 64, offsetBytes: 2) }
            elements.copy(offset, 64, offsetBytes: 4)
            elements.repeatCopy(100, extra: 1)
        }
        try expectDecodes(elements)
    }

    @Test func repeats() throws {
        for offset in [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 100] {
            var elements = S2Elements()
            elements.literal(Sample.random.bytes(200), extra: 1)
            elements.nearCopy(offset, 4)
            for count in 4...8 { elements.repeatCopy(count, extra: 0) }
            for count in [8, 9, 263] { elements.repeatCopy(count, extra: 1) }
            for count in [260, 261, 65_795] { elements.repeatCopy(count, extra: 2) }
            for count in [65_540, 65_541, 300_000] { elements.repeatCopy(count, extra: 3) }
            // Only copies change the offset.
            elements.literal([9, 9, 9], extra: 0)
            elements.repeatCopy(5, extra: 0)
            try expectDecodes(elements)
        }
    }

    @Test func damagedBlocks() throws {
        let cases: [([UInt8], S2Block.Fault)] = [
            ([], .length), ([0x80], .length), ([0xff, 0xff, 0xff, 0xff, 0x10], .length),
            ([0x80, 0x80, 0x80, 0x80, 0x80, 1], .length), ([0xff, 0xff, 0xff, 0xff, 0x0f], .tooLong),
            ([0x81, 0x80, 0x80, 2], .tooLong),
            // Literals: cut, without bytes, without the bytes of the length, over the length.
            ([4, 3 << 2, 1, 2, 3], .cut), ([1, 0], .cut), ([4, 60 << 2], .cut), ([4, 63 << 2, 3, 0, 0], .cut),
            ([4, 63 << 2, 0xff, 0xff, 0xff, 0xff, 1], .cut), ([1, 1 << 2, 1, 2], .overrun), ([0, 0, 1], .overrun),
            ([4, 0, 1], .short), ([4], .short),
            // Copies: the first of a block is a repeat, before the block, offset 0, cut, over the length.
            ([4, 1, 0], .offset), ([5, 0, 1, 1, 0], .offset), ([5, 0, 1, 1, 2], .offset),
            ([2, 0, 1, 2, 0, 0], .offset),
            ([2, 0, 1, 3, 0, 0, 0, 0], .offset), ([2, 0, 1, 3, 1, 0, 0, 0x80], .offset),
            ([5, 0, 1, 1], .cut), ([2, 0, 1, 2, 1], .cut), ([2, 0, 1, 3, 1, 0, 0], .cut),
            ([40, 0, 1, 1, 1, 5 << 2 | 1, 0], .cut), ([40, 0, 1, 1, 1, 7 << 2 | 1, 0, 1, 1], .cut),
            ([4, 0, 1, 1, 1], .overrun), ([9, 0, 1, 1, 1, 7 << 2 | 1, 0, 0xff, 0xff, 0xff], .overrun),
        ]
        for (block, fault) in cases {
            #expect(throws: fault, "\(block)") { try decode(block) }
        }
        #expect(try decode([0]) == [])
    }

    @Test func encodedBlocksAreDecodedAgain() throws {
        let encoder = S2BlockEncoder()
        var generator = Seeded(5)
        for size in [32, 33, 47, 48, 100, 1000, 65_536, 65_600, 300_000] {
            // Runs, far repeats of one part, and what never repeats.
            let part = Sample.random.bytes(size / 3)
            for bytes in [
                Sample.zeros.bytes(size), Sample.text.bytes(size), part + part + part,
                part + Sample.zeros.bytes(size) + part, Sample.random.bytes(size),
                (0..<size).map { _ in UInt8.random(in: 0...1, using: &generator) },
            ] {
                let output = RawMemory(count: bytes.count + S2Block.slack + 64)
                let end = UnsafeMutableRawBufferPointer(rebasing: output.bytes[(bytes.count + S2Block.slack)...])
                end.initializeMemory(as: UInt8.self, repeating: 0xa5)
                let count = bytes.withUnsafeBytes { encoder.encode($0, into: output.bytes) }
                #expect(end.allSatisfy { $0 == 0xa5 })
                guard let count else { continue }
                #expect(count < bytes.count)
                #expect(try decode(Array(output.bytes.prefix(count)), limit: bytes.count) == bytes)
            }
        }
    }

    /// Elements at random behind a literal, the same in every run: no fault may go unnoticed by the guards.
    @Test func elementsAtRandom() {
        var generator = Seeded(77)
        for _ in 0..<20_000 {
            var block: [UInt8] = [UInt8.random(in: 0...0x7f, using: &generator), 7 << 2] + Sample.random.bytes(8)
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                block.append(UInt8.random(in: 0...255, using: &generator))
                if Bool.random(using: &generator) { block += [UInt8.random(in: 0...9, using: &generator), 0, 0, 0] }
            }
            _ = try? decode(block, limit: 128)
        }
    }
}
