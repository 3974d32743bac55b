/// Encodes a stream of blocks: the producer fills them in turn, workers compress them, and the producer writes them out in
/// order. A stream of one block is compressed by the producer, and no thread is started.
@safe final class BlockEncoder: StreamEncoder {
    private let stream: any BlockStream
    private let layout: BlockLayout
    private let threads: Int
    private var blocks: [Block] = []
    private var workers: BlockWorkers?
    /// Used when there are no workers.
    private var compressor: (any BlockCompressor)?
    /// How many blocks were begun, handed to a worker, and written out.
    private var queued = 0
    private var written = 0
    private var hasBegun = false

    init(_ stream: any BlockStream, threads: Int) {
        self.stream = stream
        self.threads = threads
        layout = stream.layout
        blocks = [Block(layout)]
    }

    deinit { workers?.stop() }

    func write(_ bytes: UnsafeRawBufferPointer, to sink: EncodingWriter.Sink) throws {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            if current.inputCount == layout.inputBytes { unsafe try endBlock(sink) }
            let block = current
            let count = min(rest.count, layout.inputBytes - block.inputCount)
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: block.input.bytes[block.inputCount...])
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            block.inputCount += count
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func finish(to sink: EncodingWriter.Sink) throws {
        let block = current
        block.isLast = true
        if stream.hasLastBlock || block.inputCount > 0 {
            unsafe try submit(block, sink)
        }
        while written < queued { unsafe try writeOldest(sink) }
        unsafe try begin(sink)
        unsafe try send(stream.tail, sink)
        workers?.stop()
    }

    /// The block that is being filled.
    private var current: Block { blocks[queued % blocks.count] }

    /// Hands on a block that is full, behind which more follows, and begins the next.
    private func endBlock(_ sink: EncodingWriter.Sink) throws {
        let full = current
        if workers == nil, compressor == nil, threads > 0 { startWorkers() }
        unsafe try submit(full, sink)
        while let workers, written < queued, workers.isDone(written) { unsafe try writeOldest(sink) }
        if queued - written == blocks.count { unsafe try writeOldest(sink) }
        let next = current
        next.prefixCount = min(layout.prefixBytes, full.inputCount)
        let tail = unsafe full.bytes.suffix(next.prefixCount)
        // The one before is only read meanwhile. Where there is but one, it moves within itself.
        unsafe next.prefix.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: tail))
        next.inputCount = 0
    }

    /// Two blocks a worker and two at the producer keep all of them busy.
    private func startWorkers() {
        guard let started = try? BlockWorkers(threads, makeCompressor: stream.makeCompressor) else { return }
        workers = started
        while blocks.count < 2 * threads + 2 { blocks.append(Block(layout)) }
        started.adopt(blocks)
    }

    private func submit(_ block: Block, _ sink: EncodingWriter.Sink) throws {
        if let workers {
            workers.queue(queued)
            queued += 1
            return
        }
        let compressor = try self.compressor ?? stream.makeCompressor()
        self.compressor = compressor
        try compressor.compress(block)
        queued += 1
        unsafe try writeOldest(sink)
    }

    private func writeOldest(_ sink: EncodingWriter.Sink) throws {
        let block = blocks[written % blocks.count]
        workers?.wait(for: written)
        if let failure = block.failure { throw failure }
        unsafe try begin(sink)
        stream.note(block)
        written += 1
        unsafe try sink(block.encoded)
    }

    private func begin(_ sink: EncodingWriter.Sink) throws {
        if hasBegun { return }
        hasBegun = true
        unsafe try send(stream.head, sink)
    }

    private func send(_ bytes: [UInt8], _ sink: EncodingWriter.Sink) throws {
        if !bytes.isEmpty { unsafe try bytes.withUnsafeBytes { unsafe try sink($0) } }
    }
}
