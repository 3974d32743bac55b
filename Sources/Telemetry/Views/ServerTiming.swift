/// The `Server-Timing` header: what a request's time went into, and its trace, told to the caller with the reply.
public enum ServerTiming {
    /// Names of phases in one header; what is deeper or later is left to the trace itself. Keeps the header well
    /// below the 8 KiB that clients and proxies take.
    static let entriesMax = 30

    /// The header's value: `trace;desc="00-…", container.create;dur=2.31, …`, durations in milliseconds.
    /// - Parameters:
    ///   - context: the span of the request
    ///   - spans: the spans of its trace, in the order in which they were opened; only ended spans below `context` are
    ///     named
    static func header(_ context: TraceContext, spans: [some TraceNode]) -> String {
        var header = "trace;desc=\"\(context.traceparent)\""
        let below = SpanTree(spans).below(context.spanID).filter { $0.span.end != nil }
        for (span, _) in kept(below) {
            guard let end = span.end else { continue }
            header += ", \(token(span.name));dur=\(TimeSpan(nanoseconds: end &- span.start).milliseconds)"
            if case .error(let type, _) = span.status { header += ";desc=\"\(token(type))\"" }
        }
        return header
    }

    /// The upper levels whole, as far as there is room, in the order of the tree.
    private static func kept<Span>(_ nodes: [SpanTree<Span>.Node]) -> [SpanTree<Span>.Node] {
        var depth = nodes.map(\.depth).max() ?? 0
        var kept = nodes
        while kept.count > entriesMax && depth > 0 {
            depth -= 1
            kept = nodes.filter { $0.depth <= depth }
        }
        return Array(kept.prefix(entriesMax))
    }

    /// The name with what an HTTP token may not have (RFC 9110 §5.6.2) replaced by `_`.
    static func token(_ name: String) -> String {
        // Nearly every name is one.
        if !name.isEmpty, name.utf8.allSatisfy(isAllowed) { return name }
        let bytes = name.utf8.map { isAllowed($0) ? $0 : UInt8(ascii: "_") }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

extension OpenSpan {
    /// The `Server-Timing` header for the reply to the request that this span stands for.
    public var serverTiming: String { ServerTiming.header(context, spans: context.scope.records) }
}
