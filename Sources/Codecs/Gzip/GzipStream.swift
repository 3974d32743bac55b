internal import CZlib

/// A gzip stream of one member (RFC 1952) whose deflate blocks are made independently, each primed with the 32 KiB
/// before it and ended on a byte boundary by an empty stored block (Z_SYNC_FLUSH), as pigz does.
final class GzipStream: BlockStream {
    /// Large enough that the join and the priming cost little.
    private static let blockBytes = 128 << 10
    /// The farthest that deflate refers back.
    private static let windowBytes = 32 << 10

    private let level: Int
    private var crc: UInt = 0
    private var length: UInt64 = 0

    init(level: Int) { self.level = level }

    let layout = BlockLayout(
        inputBytes: GzipStream.blockBytes, prefixBytes: GzipStream.windowBytes,
        // Stored blocks at worst, and the end of a flush (zlib.h, deflateBound).
        outputBytes: GzipStream.blockBytes + GzipStream.blockBytes >> 3 + 256, slack: 0)
    let hasLastBlock = true

    var makeCompressor: @Sendable () throws -> any BlockCompressor {
        { [level] in try DeflateCompressor(level: level) }
    }

    var head: [UInt8] {
        // No flags, no time, how hard was tried (XFL), and an operating system of Unix's kind.
        GzipDecoder.signature + [0, 0, 0, 0, 0, level == 9 ? 2 : level == 1 ? 4 : 0, 3]
    }

    var tail: [UInt8] {
        [UInt32(crc), UInt32(truncatingIfNeeded: length)].flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
    }

    func note(_ block: Block) {
        crc = crc32_combine(crc, UInt(block.checksum), block.inputCount)
        length += UInt64(block.inputCount)
    }
}

/// Makes the deflate data of one block.
@safe final class DeflateCompressor: BlockCompressor {
    /// The largest window; negative for deflate data without header and trailer (zlib.h, deflateInit2).
    private static let windowBits: Int32 = -15
    /// Zlib's own choice.
    private static let memoryLevel: Int32 = 8

    // Safe: owned by this object; on the heap, since zlib keeps its address.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    init(level: Int) throws {
        unsafe stream.initialize(to: z_stream())
        let status = unsafe deflateInit2_(
            stream, Int32(level), Z_DEFLATED, DeflateCompressor.windowBits, DeflateCompressor.memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            throw CodecError(kind: .failed, format: .gzip, offset: 0, detail: "deflateInit2 said \(status)")
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    func compress(_ block: Block) throws {
        // Safe: zlib reads and writes within the buffers, whose sizes it is told; no address outlives the call.
        unsafe deflateReset(stream)
        if block.prefixCount > 0 {
            let prefix = unsafe block.prefix.bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            unsafe deflateSetDictionary(stream, prefix, UInt32(block.prefixCount))
        }
        let input = unsafe block.input.bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        unsafe stream.pointee.next_in = input
        unsafe stream.pointee.avail_in = UInt32(block.inputCount)
        unsafe stream.pointee.next_out = block.output.bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        unsafe stream.pointee.avail_out = UInt32(block.output.bytes.count)
        let status = unsafe deflate(stream, block.isLast ? Z_FINISH : Z_SYNC_FLUSH)
        guard status == (block.isLast ? Z_STREAM_END : Z_OK), unsafe stream.pointee.avail_out > 0 else {
            throw CodecError(kind: .failed, format: .gzip, offset: 0, detail: "deflate said \(status)")
        }
        block.outputCount = unsafe block.output.bytes.count - Int(stream.pointee.avail_out)
        block.checksum = unsafe UInt32(crc32(0, input, UInt32(block.inputCount)))
    }
}
