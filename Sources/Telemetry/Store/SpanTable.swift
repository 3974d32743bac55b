/// The spans of one scope, by number.
struct SpanTable {
    private(set) var records: [SpanRecord] = []
    /// Spans that have not ended.
    private(set) var open = 0
    /// Bytes, roughly, of those that have ended.
    private var bytes = 0
    private var nextOrdinal: UInt32 = 0

    /// Spans that were let go, and the memory that they held.
    struct Freed {
        fileprivate let records: [SpanRecord]
        let bytes: Int
        var count: Int { records.count }
    }

    /// Adds a span that begins.
    /// - Parameter make: gets its number
    @inline(__always)
    mutating func add(_ make: (UInt32) -> SpanRecord) -> UInt32 {
        let ordinal = nextOrdinal
        // A request has a handful; one allocation instead of four.
        if records.isEmpty { records.reserveCapacity(8) }
        records.append(make(ordinal))
        nextOrdinal &+= 1
        open += 1
        return ordinal
    }

    /// Changes a span, unless it has ended.
    @inline(__always)
    mutating func change(_ ordinal: UInt32, _ body: (inout SpanRecord) -> Void) {
        guard let place = place(of: ordinal), records[place].end == nil else { return }
        body(&records[place])
    }

    /// Ends a span, unless it has ended.
    /// - Returns: the span, if it is wanted, and the memory that it holds from now on
    mutating func end(_ ordinal: UInt32, at instant: UInt64, isWanted: Bool) -> (record: SpanRecord?, grown: Int) {
        guard let place = place(of: ordinal), records[place].end == nil else { return (nil, 0) }
        // Whatever is asked of an element by a method that does not change it, is asked of a copy.
        let size = records[place].end(at: instant)
        open -= 1
        let record = isWanted ? records[place] : nil
        guard records[place].isKept else {
            records.remove(at: place)
            return (record, 0)
        }
        bytes += size
        return (record, size)
    }

    /// The span of that number, unless it has ended and is not kept any more.
    subscript(_ ordinal: UInt32) -> SpanRecord? { place(of: ordinal).map { records[$0] } }

    /// Lets go of all.
    mutating func takeAll() -> Freed {
        let freed = Freed(records: records, bytes: bytes)
        (records, bytes) = ([], 0)
        return freed
    }

    /// Lets go of those that have ended.
    mutating func takeEnded() -> Freed {
        let freed = Freed(records: records.filter { $0.end != nil }, bytes: bytes)
        records.removeAll { $0.end != nil }
        bytes = 0
        return freed
    }

    /// Numbers follow each other, except where spans have been let go.
    @inline(__always)
    private func place(of ordinal: UInt32) -> Int? {
        guard let first = records.first?.ordinal, ordinal >= first else { return nil }
        let place = Int(ordinal - first)
        if place < records.count, records[place].ordinal == ordinal { return place }
        return search(ordinal)
    }

    private func search(_ ordinal: UInt32) -> Int? {
        let place = records.place(of: ordinal) { $0.ordinal }
        return place < records.count && records[place].ordinal == ordinal ? place : nil
    }
}
