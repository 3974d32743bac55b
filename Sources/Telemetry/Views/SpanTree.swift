/// Spans in the order in which a reader wants them: each below its parent, siblings by their begin.
struct SpanTree {
    typealias Node = (span: RecordedSpan, depth: Int)

    private let children: [SpanID: [RecordedSpan]]
    private let roots: [RecordedSpan]

    /// Orders spans that come by their begin. A span whose parent is not among them is a root.
    init(_ spans: [RecordedSpan]) {
        let ids = Set(spans.map(\.context.spanID))
        var children: [SpanID: [RecordedSpan]] = [:]
        var roots: [RecordedSpan] = []
        for span in spans {
            // Ids are unique, so that a parent that is the span itself or a descendant cannot be; such spans are not
            // shown.
            if let parent = span.parentID, ids.contains(parent) {
                children[parent, default: []].append(span)
            } else {
                roots.append(span)
            }
        }
        self.children = children
        self.roots = roots
    }

    /// All spans.
    var nodes: [Node] { roots.flatMap { [($0, 0)] + below($0.context.spanID, depth: 1) } }

    /// The spans below one; its own children have depth 0.
    func below(_ id: SpanID) -> [Node] { below(id, depth: 0) }

    // Spans form a tree whose depth is that of the code; a stack instead of recursion, since contexts also come from
    // outside.
    private func below(_ id: SpanID, depth: Int) -> [Node] {
        var nodes: [Node] = []
        var open: [Node] = (children[id] ?? []).reversed().map { ($0, depth) }
        while let node = open.popLast() {
            nodes.append(node)
            open += (children[node.span.context.spanID] ?? []).reversed().map { ($0, node.depth + 1) }
        }
        return nodes
    }
}
