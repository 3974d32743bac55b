import ArchiveProtocol
import Codecs
import Kernel

/// The archive that is being written: collected in one piece of memory, then encoded and sent.
@safe final class ArchiveOutput {
    /// The reader has what it wants and has gone.
    struct ReaderGone: Error {}

    /// Enough for the coders' threads to have work while the next part is read.
    private static let bytesMax = 1 << 20

    // Safe: allocated once and freed in deinit; used by one thread.
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytesMax, alignment: 64)
    private var filled = 0
    private let writer: EncodingWriter
    /// Nanoseconds in which the archive was encoded and sent.
    private(set) var codingNanoseconds: UInt64 = 0
    /// Bytes of the archive up to now.
    private(set) var bytesWritten: UInt64 = 0

    init(_ format: Format, level: Int?, _ reporter: Reporter) throws {
        let output = StreamEnd(1, reporter)
        writer = unsafe try EncodingWriter(format, level: level) { bytes in
            do throws(KernelError) { unsafe try output.send(bytes) } catch  where error.errno == .brokenPipe {
                throw ReaderGone()
            }
        }
    }

    deinit { unsafe memory.deallocate() }

    func put(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if filled == ArchiveOutput.bytesMax { try flush() }
            let part = rest.prefix(ArchiveOutput.bytesMax - filled)
            // Safe: the part fits behind what is filled.
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled...]).copyBytes(from: part)
            advance(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    func putZeros(_ count: UInt64) throws {
        var rest = count
        while rest > 0 {
            if filled == ArchiveOutput.bytesMax { try flush() }
            let part = Int(min(rest, UInt64(ArchiveOutput.bytesMax - filled)))
            // Safe: the part fits behind what is filled.
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled..<(filled + part)])
                .initializeMemory(as: UInt8.self, repeating: 0)
            advance(part)
            rest -= UInt64(part)
        }
    }

    /// Puts bytes of a file; returns how many there were, which is fewer at its end.
    func put(_ range: Range<Int64>, of file: borrowing Descriptor) throws -> UInt64 {
        var offset = range.lowerBound
        while offset < range.upperBound {
            if filled == ArchiveOutput.bytesMax { try flush() }
            let part = Int(min(range.upperBound - offset, Int64(ArchiveOutput.bytesMax - filled)))
            // Safe: the part fits behind what is filled.
            let count = unsafe try file.readSome(
                into: UnsafeMutableRawBufferPointer(rebasing: memory[filled..<(filled + part)]), at: offset)
            if count == 0 { break }
            advance(count)
            offset += Int64(count)
        }
        return UInt64(offset - range.lowerBound)
    }

    /// Sends everything, and the coder's end.
    func finish() throws {
        try flush()
        try timed { try writer.finish() }
    }

    private func advance(_ count: Int) {
        filled += count
        bytesWritten += UInt64(count)
    }

    private func flush() throws {
        // Safe: what is filled; the coder copies what it keeps.
        try timed { unsafe try writer.write(UnsafeRawBufferPointer(rebasing: memory[..<filled])) }
        filled = 0
    }

    private func timed(_ body: () throws -> Void) throws {
        let start = bootTime()
        defer { codingNanoseconds += bootTime() - start }
        try body()
    }
}
