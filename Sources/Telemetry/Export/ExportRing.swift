/// Ended spans on their way out: first in, first out, bounded. What does not fit is dropped and counted.
struct ExportRing {
    private var slots: [EndedSpan?]
    private var head = 0
    private(set) var count = 0
    private(set) var dropped = 0
    /// Spans that have left it.
    private(set) var taken = 0

    init(capacity: Int) { slots = Array(repeating: nil, count: capacity) }

    /// How full it is, and what became of spans.
    var usage: ExportQueueUsage {
        ExportQueueUsage(size: count, capacity: slots.count, taken: taken, dropped: dropped)
    }

    /// Appends a span; false when there was no room.
    mutating func append(_ span: EndedSpan) -> Bool {
        guard count < slots.count else {
            dropped += 1
            return false
        }
        slots[(head + count) % slots.count] = span
        count += 1
        return true
    }

    /// Takes the oldest spans, at most `limit`.
    mutating func take(atMost limit: Int) -> [EndedSpan] {
        var taken: [EndedSpan] = []
        taken.reserveCapacity(min(limit, count))
        while count > 0, taken.count < limit {
            if let span = slots[head].take() { taken.append(span) }
            head = (head + 1) % slots.count
            count -= 1
        }
        self.taken += taken.count
        return taken
    }
}
