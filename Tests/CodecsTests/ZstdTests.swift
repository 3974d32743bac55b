import Codecs
import Testing

@Suite struct ZstdTests {
    static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
    /// `hello\n` by hand: one segment of six bytes, a last raw block.
    static let hello = magic + [0x20, 6] + [6 << 3 | 1, 0, 0] + Array("hello\n".utf8)

    @Test func aRawBlock() throws { #expect(try decode(ZstdTests.hello, .zstd) == Array("hello\n".utf8)) }

    @Test func framesToSkip() throws {
        for kind: UInt8 in 0x50...0x5f {
            let skipped = [kind, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
            let stream = skipped + ZstdTests.hello + skipped + ZstdTests.hello + skipped
            #expect(try decode(stream, .zstd, piece: 3) == Array("hello\nhello\n".utf8))
            #expect(try decode(stream, nil) == Array("hello\nhello\n".utf8))
        }
        // One that claims four gigabytes.
        let huge: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]
        #expect(fault(of: huge, .zstd)?.kind == .truncated)
    }

    /// A frame with a window of `2 ** log` bytes and an empty last block.
    private func frame(windowLog log: UInt8) -> [UInt8] { ZstdTests.magic + [0, (log - 10) << 3] + [1, 0, 0] }

    @Test func windowsAreLimited() throws {
        #expect(try decode(frame(windowLog: 27), .zstd) == [])
        for log: UInt8 in [28, 31, 41] {
            let fault = fault(of: frame(windowLog: log), .zstd)
            #expect(fault?.kind == .unsupported)
            #expect(fault?.detail == "a window over 128 MiB")
        }
    }

    @Test func dictionariesAreNotThere() {
        let stream = ZstdTests.magic + [0x21, 42, 6] + [6 << 3 | 1, 0, 0] + Array("hello\n".utf8)
        #expect(fault(of: stream, .zstd)?.kind == .unsupported)
    }

    /// A content size of 2 ** 60 bytes, of which one comes.
    @Test func hostileSizes() {
        let stream = ZstdTests.magic + [0xc0, 0x88] + [0, 0, 0, 0, 0, 0, 0, 0x10] + [1 << 3 | 1, 0, 0, 7]
        #expect(fault(of: stream, .zstd)?.kind == .damaged)
    }

    @Test func checksumsAreWrittenAndChecked() throws {
        var encoded = try encode(Sample.text.bytes(2000), .zstd)
        #expect(encoded[4] & 4 == 4)
        encoded[encoded.count - 1] ^= 1
        #expect(fault(of: encoded, .zstd)?.kind == .checksum)
    }

    /// The formats that came before have magic numbers of their own.
    @Test func oldFormatsAreNotTaken() {
        for version: UInt8 in 0x22...0x27 {
            let fault = fault(of: [version, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 0], .zstd)
            #expect(fault?.kind == .damaged)
            #expect(fault?.offset == 0)
        }
    }
}
