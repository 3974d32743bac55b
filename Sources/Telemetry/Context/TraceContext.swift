/// Which span is the parent of what comes next: the part of a trace that travels.
///
/// It is carried by ``current`` within a task, by headers between processes, by the environment into programs, and as
/// JSON on disk. Equality looks at what travels outside the process alone.
public struct TraceContext: Sendable {
    /// The span that new spans become children of.
    public private(set) var spanID: SpanID
    // Contexts are copied several times for each span: three words, of which one is a reference, are.

    /// What the context shares with all others of its request.
    var scope: TraceScope
    /// The number of the span in the scope, or ``unrecorded``.
    @usableFromInline var ordinal: UInt32
    /// How many spans of this process are above; tells the inner of two contexts (see `ApronTracer`).
    private(set) var depth: UInt16
    /// Sampled and random flags.
    public let flags: TraceFlags
    /// Whether the span lives in another process.
    public let isRemote: Bool

    /// A context as it came from outside.
    public init(
        traceID: TraceID, spanID: SpanID, flags: TraceFlags = [.sampled, .random], state: String = "",
        isRemote: Bool = false
    ) {
        self.init(
            spanID: spanID, flags: flags, isRemote: isRemote, scope: TraceScope(traceID, state: state, store: nil),
            depth: 0)
    }

    /// The ``ordinal`` of a span that this process does not record.
    @usableFromInline static var unrecorded: UInt32 { .max }

    init(
        spanID: SpanID, flags: TraceFlags, isRemote: Bool = false, scope: TraceScope, ordinal: UInt32 = unrecorded,
        depth: UInt16
    ) {
        self.spanID = spanID
        self.flags = flags
        self.isRemote = isRemote
        self.scope = scope
        self.ordinal = ordinal
        self.depth = depth
    }

    /// The context that spans are opened under. Survives `await` and child tasks; lost in detached tasks, threads and
    /// NIO handlers, where it has to be carried by hand.
    @TaskLocal public static var current: TraceContext?

    /// Becomes the context of a new span below the one that it is of, in this process.
    mutating func descend() {
        spanID = .random()
        deepen()
    }

    /// Counts a span more above.
    mutating func deepen() { if depth < .max { depth += 1 } }

    /// The trace.
    public var traceID: TraceID { scope.traceID }

    /// The `tracestate` header in its normal form, empty when there is none.
    public var state: String { scope.traceState }

    /// Whether the trace is to be exported.
    public var isSampled: Bool { flags.contains(.sampled) }

    /// The handle of the container or volume that the surrounding request is about, once it is known.
    public var handle: String? { scope.handle }
}

extension TraceContext: Hashable {
    /// Compares what travels: ids, flags, state and origin.
    public static func == (left: TraceContext, right: TraceContext) -> Bool {
        left.spanID == right.spanID && left.traceID == right.traceID && left.flags == right.flags
            && left.state == right.state && left.isRemote == right.isRemote
    }

    /// Hashes the ids.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(traceID)
        hasher.combine(spanID)
    }
}

extension TraceContext: Codable {
    private enum CodingKeys: String, CodingKey {
        case traceparent, tracestate, remote
    }

    /// Reads `{"traceparent": "00-…", "tracestate": "…"}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let parent = try container.decode(String.self, forKey: .traceparent)
        let state = try container.decodeIfPresent(String.self, forKey: .tracestate)
        let remote = try container.decodeIfPresent(Bool.self, forKey: .remote) ?? false
        guard let parsed = TraceContext(traceparent: [parent], tracestate: state.map { [$0] } ?? []) else {
            throw DecodingError.dataCorruptedError(
                forKey: .traceparent, in: container, debugDescription: "not a valid traceparent: \(parent)")
        }
        self.init(
            traceID: parsed.traceID, spanID: parsed.spanID, flags: parsed.flags, state: parsed.state, isRemote: remote)
    }

    /// Writes `{"traceparent": "00-…", "tracestate": "…"}`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(traceparent, forKey: .traceparent)
        if !state.isEmpty { try container.encode(state, forKey: .tracestate) }
        if isRemote { try container.encode(true, forKey: .remote) }
    }
}
