internal import Kernel
internal import Synchronization

/// Decodes on a thread of its own into a ring of chunks that one consumer takes.
@safe final class ReadAhead: Sendable {
    /// So much is decoded at a time.
    static let slotBytes = 256 << 10
    /// The chunks that may be ready. Few: what has left the source should be unpacked soon, since a client waits only so
    /// long after its last byte.
    static let slots = 4

    private struct State {
        var counts = Array(repeating: 0, count: ReadAhead.slots)
        var failure: (any Error)?
        /// The chunk that the consumer comes to next, and whether it still holds the one before.
        var next = 0
        var holds = false
    }

    private let memory = (0..<ReadAhead.slots).map { _ in RawMemory(count: ReadAhead.slotBytes) }
    private let state = Mutex(State())
    private let filled = Semaphore()
    private let free = Semaphore()
    private let isCancelled = Atomic(false)
    /// Spent on decoding, with the waits for the source.
    let nanoseconds = Atomic<UInt64>(0)

    init(_ format: Format?, source: @escaping DecodingReader.Source) throws(KernelError) {
        for _ in 0..<ReadAhead.slots { free.signal() }
        try startThread(named: "apron-decode") { [self] in
            let decoder = unsafe makeDecoder(format, source: source)
            var slot = 0
            while fill(slot, decoder) { slot = (slot + 1) % ReadAhead.slots }
        }
    }

    /// The next chunk; empty at the end, and behind that nobody asks again. The chunk before it is given back.
    func next() throws -> UnsafeRawBufferPointer {
        let holds = state.withLock { state in
            defer { state.holds = true }
            return state.holds
        }
        if holds { free.signal() }
        filled.wait()
        return unsafe try state.withLock { state in
            let slot = state.next
            if state.counts[slot] == 0, let failure = state.failure { throw failure }
            state.next = (slot + 1) % ReadAhead.slots
            return unsafe UnsafeRawBufferPointer(rebasing: memory[slot].bytes[..<state.counts[slot]])
        }
    }

    func cancel() {
        isCancelled.store(true, ordering: .sequentiallyConsistent)
        free.signal()
    }

    /// Decodes one chunk.
    /// - Returns: false behind the last
    private func fill(_ slot: Int, _ decoder: any StreamDecoder) -> Bool {
        free.wait()
        if isCancelled.load(ordering: .sequentiallyConsistent) { return false }
        var count = 0
        var failure: (any Error)?
        let start = bootTime()
        // Safe: the consumer has given the chunk back, or never had it.
        do { count = unsafe try decoder.decode(into: memory[slot].bytes) } catch let error { failure = error }
        nanoseconds.wrappingAdd(bootTime() - start, ordering: .relaxed)
        state.withLock { state in
            state.counts[slot] = count
            state.failure = failure
        }
        filled.signal()
        return count > 0
    }
}
