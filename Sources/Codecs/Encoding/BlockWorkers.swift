internal import Kernel
internal import Synchronization

/// Threads that compress the blocks of a ring, in the order in which they are queued.
@safe final class BlockWorkers: Sendable {
    // Safe: set once, before the first block is queued; a block belongs to one thread at a time (Block).
    private nonisolated(unsafe) var blocks: [Block] = []
    // Safe: like the blocks; each is signalled once for each time its block is done.
    private nonisolated(unsafe) var done: [Semaphore] = []
    private let queued = Semaphore()
    private let next = Atomic(0)
    private let finished = Mutex<Set<Int>>([])
    private let isStopped = Atomic(false)
    private let threads: Int

    init(_ threads: Int, makeCompressor: @escaping @Sendable () throws -> any BlockCompressor) throws(KernelError) {
        self.threads = threads
        do {
            for _ in 0..<threads {
                try startThread(named: "apron-encode") { [self] in work(makeCompressor) }
            }
        } catch {
            stop()
            throw error
        }
    }

    /// Takes the ring, whose block `n % count` is the `n`th of the stream.
    func adopt(_ ring: [Block]) {
        unsafe blocks = ring
        unsafe done = ring.map { _ in Semaphore() }
    }

    /// Has the block with this number compressed; they are queued one after another from 0.
    func queue(_ number: Int) { queued.signal() }

    /// Whether ``wait(for:)`` would not block.
    func isDone(_ number: Int) -> Bool { finished.withLock { $0.contains(number) } }

    /// Waits until the block is compressed; once a block.
    func wait(for number: Int) {
        unsafe done[number % done.count].wait()
        _ = finished.withLock { $0.remove(number) }
    }

    /// Has the threads end, which they do behind the block that they are at.
    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<threads { queued.signal() }
    }

    private func work(_ makeCompressor: @Sendable () throws -> any BlockCompressor) {
        let compressor = Result { try makeCompressor() }
        while true {
            queued.wait()
            if isStopped.load(ordering: .sequentiallyConsistent) { return }
            let number = next.add(1, ordering: .sequentiallyConsistent).oldValue
            let block = unsafe blocks[number % blocks.count]
            do { try compressor.get().compress(block) } catch let error as CodecError {
                block.failure = error
            } catch {
                preconditionFailure("a compressor threw \(error)")
            }
            finished.withLock { _ = $0.insert(number) }
            unsafe done[number % done.count].signal()
        }
    }
}
