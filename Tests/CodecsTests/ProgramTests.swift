import Codecs
import Kernel
import TestSupport
import Testing

/// Streams that go to other programs and come from them.
@Suite struct ProgramTests {
    private static let limit = 64 << 20
    private static let bytes = Sample.text.bytes(3 << 20) + Sample.random.bytes(300_000) + Sample.zeros.bytes(1 << 20)

    /// What a program makes of the bytes.
    private func run(_ command: String, on bytes: [UInt8]) throws -> [UInt8] {
        let scratch = try Scratch()
        try scratch.directory.write("in", bytes)
        try runProgram("sh", "-c", "\(command) <\(scratch.path)/in >\(scratch.path)/out")
        return try scratch.directory.read("out", limit: ProgramTests.limit)
    }

    @Test(arguments: [
        (Format.gzip, "gzip -dc"), (.gzip, "pigz -dc"), (.zstd, "zstd -dcq"),
    ])
    func programsReadOurStreams(format: Format, command: String) throws {
        for bytes in [[], [1], ProgramTests.bytes] {
            for threads in [0, 2] {
                let encoded = try encode(bytes, format, threads: threads)
                #expect(try run(command, on: encoded + encoded) == bytes + bytes)
            }
        }
    }

    @Test(arguments: [
        (Format.gzip, "gzip -1c"), (.gzip, "gzip -9c"), (.gzip, "pigz -c -p 3 -b 128"), (.gzip, "pigz -c -11 -i"),
        (.zstd, "zstd -1 -T0 -cq"), (.zstd, "zstd -3 -T0 --long=27 -cq"), (.zstd, "zstd -9 --no-check -cq"),
    ])
    func ourReadersReadTheirStreams(format: Format, command: String) throws {
        for bytes in [
            [], [1], command.contains("-11") ? Array(ProgramTests.bytes.prefix(100_000)) : ProgramTests.bytes,
        ] {
            let encoded = try run(command, on: bytes)
            #expect(try decode(encoded, format, readsAhead: true) == bytes)
            #expect(try decode(encoded + encoded, nil) == bytes + bytes)
        }
    }

    @Test func largerWindowsAreRefusedAsTheProgramDoes() throws {
        let encoded = try run("zstd -1 --long=28 --single-thread --no-content-size -cq", on: ProgramTests.bytes)
        #expect(fault(of: encoded, .zstd)?.detail == "a window over 128 MiB")
        #expect(throws: (any Error).self) { try run("zstd -dcq", on: encoded) }
    }
}
