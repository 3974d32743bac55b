/// Spans in the order in which a reader wants them: each below its parent, siblings by their begin.
struct SpanTree<Span: TraceNode> {
    typealias Node = (span: Span, depth: Int)

    /// By their begin; of equal ones, parents come before children, as they were opened.
    private let spans: [Span]
    private var places: [SpanID: Int] = [:]
    /// For each span the place of its first child and of its next sibling; ``none`` for none.
    private var firstChild: [Int]
    private var nextSibling: [Int]
    private var roots: [Int] = []

    private static var none: Int { -1 }

    /// Orders spans that come in the order in which they were opened. A span whose parent is not among them is a root.
    init(_ spans: [Span]) {
        let sorted = spans.byBegin
        self.spans = sorted
        firstChild = Array(repeating: Self.none, count: sorted.count)
        nextSibling = firstChild
        var lastChild = firstChild
        places.reserveCapacity(sorted.count)
        for (place, span) in sorted.enumerated() { places[span.spanID] = place }
        for (place, span) in sorted.enumerated() {
            // Ids are unique, so that a parent that is the span itself or a descendant cannot be; such spans are not
            // shown.
            guard let parent = span.parentID.flatMap({ places[$0] }) else {
                roots.append(place)
                continue
            }
            if lastChild[parent] == Self.none {
                firstChild[parent] = place
            } else {
                nextSibling[lastChild[parent]] = place
            }
            lastChild[parent] = place
        }
    }

    /// All spans.
    var nodes: [Node] { roots.flatMap { [(spans[$0], 0)] + below($0, depth: 1) } }

    /// The spans below one; its own children have depth 0.
    func below(_ id: SpanID) -> [Node] { places[id].map { below($0, depth: 0) } ?? [] }

    // Spans form a tree whose depth is that of the code; a stack instead of recursion, since contexts also come from
    // outside.
    private func below(_ top: Int, depth: Int) -> [Node] {
        var nodes: [Node] = []
        var open: [Int] = []
        var next = firstChild[top]
        while true {
            if next == Self.none {
                guard let last = open.popLast() else { return nodes }
                next = nextSibling[last]
                continue
            }
            nodes.append((spans[next], depth + open.count))
            open.append(next)
            next = firstChild[next]
        }
    }
}
