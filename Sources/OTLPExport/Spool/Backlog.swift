internal import Kernel

/// Batches that wait to be sent, oldest first: each a file of the spool, or bytes in memory where there is none or it
/// cannot be written to. All but the last are closed.
///
/// A span is on disk as soon as the pipeline has handed it over, not only after a failure, so that a killed process
/// loses nothing but what ended within the pipeline's delay before. It costs writing to the page cache: most files are
/// gone again before the kernel writes them out.
struct Backlog: ~Copyable {
    /// What waits.
    struct Batch {
        let name: BatchName
        /// When it was begun, in nanoseconds of CLOCK_BOOTTIME.
        let begun: UInt64
        var spans = 0
        var bytes = 0
        /// The bytes, unless they are on disk.
        var memory: [UInt8]?
    }

    /// Bounds; see ``OTLPConfiguration``.
    struct Limits {
        let batchSpans: Int
        /// A batch is closed beyond it, so that one piece more stays within a request.
        let batchBytes: Int
        let memorySpans: Int
        let spoolBytes: Int
        let spoolBatches: Int
    }

    /// What is to be counted of a change.
    struct Losses {
        var spans: [(ExportStatistics.Loss, Int)] = []
        var damagedBatches = 0
        var failure: KernelError?
    }

    private let limits: Limits
    private let format: BodyFormat
    private let spool: SpoolDirectory?
    private var batches: [Batch] = []
    private var isLastOpen = false
    /// The file of the open batch.
    private var file: SharedDescriptor?
    private var nextNumber: UInt64
    /// The batch that is being sent, which no bound removes.
    private var sending: BatchName?

    private(set) var spans = 0
    private var memorySpans = 0
    private(set) var spoolBytes = 0
    private var spoolBatches = 0

    init(_ limits: Limits, format: BodyFormat, spool: SpoolDirectory?) {
        self.limits = limits
        self.format = format
        self.spool = spool
        nextNumber = realTime()
    }

    var count: Int { batches.count }

    // MARK: adding

    /// Takes over what an earlier process left.
    mutating func recover() -> Losses {
        var losses = Losses()
        guard let spool else { return losses }
        do throws(KernelError) {
            for name in try spool.batches() { recover(name, spool, &losses) }
        } catch {
            losses.failure = error
        }
        keepBounds(&losses)
        return losses
    }

    private mutating func recover(_ name: BatchName, _ spool: SpoolDirectory, _ losses: inout Losses) {
        // What is no regular file, or cannot be read, stays for the operator to look at.
        guard let bytes = try? spool.read(name) else {
            losses.damagedBatches += 1
            return
        }
        let good = name.format.check(bytes)
        if good.bytes < bytes.count { losses.damagedBatches += 1 }
        nextNumber = max(nextNumber, name.number &+ 1)
        if good.spans > 0 {
            insert(Batch(name: name, begun: 0, spans: good.spans, bytes: good.bytes))
        } else {
            try? spool.remove(name)
        }
    }

    /// Adds some spans to the last batch, or to a new one.
    mutating func append(_ piece: [UInt8], spans count: Int) -> Losses {
        var losses = Losses()
        if !isLastOpen { begin(&losses) }
        let last = batches.count - 1
        if let spool, let file {
            do throws(KernelError) {
                try spool.append(piece, to: file, batches[last].name)
                spoolBytes += piece.count
            } catch {
                // What is there of the piece is behind the batch's end. The next batch may find the disk empty again.
                losses.failure = error
                close()
                startInMemory()
                appendToMemory(piece, count, .spoolFailed, &losses)
                return losses
            }
            grow(last, piece.count, count)
        } else {
            appendToMemory(piece, count, spool == nil ? .queueFull : .spoolFailed, &losses)
        }
        if isLastOpen, let batch = batches.last,
            batch.spans >= limits.batchSpans || batch.bytes >= limits.batchBytes
        {
            close()
        }
        keepBounds(&losses)
        return losses
    }

    private mutating func begin(_ losses: inout Losses) {
        if let spool {
            let name = nextName()
            do throws(KernelError) {
                file = try spool.create(name)
                insert(Batch(name: name, begun: bootTime()))
                isLastOpen = true
                return
            } catch {
                losses.failure = error
            }
        }
        startInMemory()
    }

    private mutating func startInMemory() {
        insert(Batch(name: nextName(), begun: bootTime(), memory: []))
        isLastOpen = true
    }

    private mutating func appendToMemory(
        _ piece: [UInt8], _ count: Int, _ reason: ExportStatistics.Loss, _ losses: inout Losses
    ) {
        if memorySpans + count > limits.memorySpans {
            losses.spans.append((reason, count))
            if batches.last?.spans == 0 { discardOpen() }
            return
        }
        let last = batches.count - 1
        batches[last].memory?.append(contentsOf: piece)
        memorySpans += count
        grow(last, piece.count, count)
    }

    private mutating func discardOpen() {
        batches.removeLast()
        isLastOpen = false
    }

    private mutating func grow(_ index: Int, _ bytes: Int, _ count: Int) {
        batches[index].bytes += bytes
        batches[index].spans += count
        spans += count
    }

    private mutating func insert(_ batch: Batch) {
        batches.append(batch)
        spans += batch.spans
        if batch.memory == nil {
            spoolBatches += 1
            spoolBytes += batch.bytes
        }
    }

    private mutating func nextName() -> BatchName {
        defer { nextNumber &+= 1 }
        return BatchName(number: nextNumber, format: format)
    }

    /// Takes no more spans into the last batch.
    mutating func close() {
        isLastOpen = false
        file = nil
        // Nothing was written to it but a piece that failed.
        if let batch = batches.last, batch.spans == 0 { remove(batch.name) }
    }

    // MARK: removing

    /// When the open batch was begun; nil when there is none.
    var openSince: UInt64? { isLastOpen ? batches.last?.begun : nil }

    /// The oldest closed batch; it stays until ``remove(_:)``.
    mutating func oldest() -> Batch? {
        guard let first = batches.first, batches.count > 1 || !isLastOpen else { return nil }
        sending = first.name
        return first
    }

    /// The bytes of a batch; nil when the file is damaged or gone.
    func contents(_ batch: Batch) -> [UInt8]? {
        if let memory = batch.memory { return memory }
        guard let bytes = try? spool?.read(batch.name), bytes.count >= batch.bytes else { return nil }
        let good = Array(bytes.prefix(batch.bytes))
        return batch.name.format.check(good) == (batch.bytes, batch.spans) ? good : nil
    }

    /// The batch that was being sent waits again.
    mutating func putBack() { sending = nil }

    /// Forgets a batch, which was sent or never will be.
    mutating func remove(_ name: BatchName) {
        guard let index = batches.firstIndex(where: { $0.name == name }) else { return }
        let batch = batches.remove(at: index)
        spans -= batch.spans
        if sending == name { sending = nil }
        if batch.memory != nil {
            memorySpans -= batch.spans
            return
        }
        spoolBatches -= 1
        spoolBytes -= batch.bytes
        // A file that cannot be removed is sent again after the next start, which is allowed.
        try? spool?.remove(name)
    }

    /// Spans that are nowhere but in memory.
    var unspooledSpans: Int { memorySpans }

    private mutating func keepBounds(_ losses: inout Losses) {
        while spoolBytes > limits.spoolBytes || spoolBatches > limits.spoolBatches {
            let closed = batches.dropLast(isLastOpen ? 1 : 0)
            guard let oldest = closed.first(where: { $0.memory == nil && $0.name != sending }) else { return }
            losses.spans.append((.spoolFull, oldest.spans))
            remove(oldest.name)
        }
    }
}
