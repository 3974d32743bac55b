/// A span by its place in a trace, and by what is told of it in a few words.
protocol TraceNode {
    var spanID: SpanID { get }
    /// The parent's id; nil for a root.
    var parentID: SpanID? { get }
    var name: String { get }
    /// When it began, in nanoseconds of CLOCK_BOOTTIME.
    var start: UInt64 { get }
    /// When it ended, in nanoseconds of CLOCK_BOOTTIME; nil while it is open.
    var end: UInt64? { get }
    var status: RecordedSpan.Status { get }
}

extension SpanRecord: TraceNode {}

extension RecordedSpan: TraceNode {
    var spanID: SpanID { context.spanID }
}

extension Array where Element: TraceNode {
    /// Sorted by their begin. Equal begins keep the order in which the spans were opened, parents before children.
    var byBegin: [Element] {
        if zip(self, dropFirst()).allSatisfy({ $0.start <= $1.start }) { return self }
        return indices.sorted { (self[$0].start, $0) < (self[$1].start, $1) }.map { self[$0] }
    }
}
