/// A part of a stream that is compressed by itself, and what comes of it.
///
/// It belongs to the producer until it is queued, then to a worker, and from `isDone` on to the producer again.
@safe final class Block {
    let prefix: RawMemory
    let input: RawMemory
    let output: RawMemory
    /// The bytes of `prefix` that precede the input in the stream; the compressor may refer to them.
    var prefixCount = 0
    var inputCount = 0
    var outputCount = 0
    /// Of the input, of whatever kind the format has.
    var checksum: UInt32 = 0
    var isLast = false
    var failure: CodecError?

    init(_ layout: BlockLayout) {
        prefix = RawMemory(count: max(layout.prefixBytes, 1))
        input = RawMemory(count: layout.inputBytes + layout.slack)
        output = RawMemory(count: layout.outputBytes)
    }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: input.bytes[..<inputCount]) }
    var encoded: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: output.bytes[..<outputCount]) }
}

/// The sizes of the blocks of a format.
struct BlockLayout {
    let inputBytes: Int
    /// How much of the input before a block goes with it.
    let prefixBytes: Int
    /// The most that a block comes to.
    let outputBytes: Int
    /// Bytes behind the input that may be read, though they mean nothing.
    let slack: Int
}

/// A format whose stream is made of blocks that are compressed independently.
protocol BlockStream: AnyObject {
    var layout: BlockLayout { get }
    /// Makes the state of one worker.
    var makeCompressor: @Sendable () throws -> any BlockCompressor { get }
    /// What comes before the first block.
    var head: [UInt8] { get }
    /// What comes behind the last block.
    var tail: [UInt8] { get }
    /// Whether a stream may end without a block that is the last.
    var hasLastBlock: Bool { get }
    /// Called with each block in the order of the stream.
    func note(_ block: Block)
}

/// Compresses one block after another, none needing the one before.
protocol BlockCompressor: AnyObject {
    func compress(_ block: Block) throws
}
