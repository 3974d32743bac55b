/// A stream of S2: blocks of 1 MiB, the size that its own tools use, compressed or as they are.
final class S2Stream: BlockStream {
    /// At least 4 KiB and at most ``S2Chunk/dataBytesMax`` for its readers.
    private static let blockBytes = 1 << 20

    let layout = BlockLayout(
        inputBytes: S2Stream.blockBytes, prefixBytes: 0,
        // A block that does not become smaller goes as it is.
        outputBytes: S2Chunk.headerBytes + S2Chunk.checksumBytes + S2Stream.blockBytes + S2Block.slack,
        slack: S2Block.slack)
    let hasLastBlock = false
    let head = S2Chunk.s2Identifier
    let tail: [UInt8] = []

    var makeCompressor: @Sendable () throws -> any BlockCompressor { { S2Compressor() } }

    func note(_ block: Block) {}
}

/// Makes the chunk of one block.
@safe final class S2Compressor: BlockCompressor {
    private let encoder = S2BlockEncoder()

    func compress(_ block: Block) throws {
        let headBytes = S2Chunk.headerBytes + S2Chunk.checksumBytes
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: block.output.bytes[headBytes...])
        var kind = S2Chunk.compressed
        var count: Int
        if let found = unsafe encoder.encode(block.bytes, into: target) {
            count = found
        } else {
            kind = S2Chunk.uncompressed
            count = block.inputCount
            unsafe target.copyMemory(from: block.bytes)
        }
        let output = unsafe block.output.bytes
        let length = UInt32(S2Chunk.checksumBytes + count)
        unsafe output.storeBytes(of: (length << 8 | UInt32(kind)).littleEndian, as: UInt32.self)
        let checksum = unsafe S2Chunk.checksum(of: block.bytes)
        unsafe output.storeBytes(of: checksum.littleEndian, toByteOffset: S2Chunk.headerBytes, as: UInt32.self)
        block.outputCount = headBytes + count
    }
}
