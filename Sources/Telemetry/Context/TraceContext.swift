/// Which span is the parent of what comes next: the part of a trace that travels.
///
/// It is carried by ``current`` within a task, by headers between processes, by the environment into programs, and as
/// JSON on disk. Equality looks at what travels outside the process alone.
public struct TraceContext: Sendable {
    /// The trace.
    public let traceID: TraceID
    /// The span that new spans become children of.
    public let spanID: SpanID
    /// Sampled and random flags.
    public let flags: TraceFlags
    /// The `tracestate` header in its normal form, empty when there is none.
    public let state: String
    /// Whether the span lives in another process.
    public let isRemote: Bool

    /// The spans of one request inside this process; nil for a context that came from outside.
    let scope: TraceScope?
    /// How many spans of this process are above; tells the inner of two contexts (see `ApronTracer`).
    let depth: UInt32

    /// A context as it came from outside.
    public init(
        traceID: TraceID, spanID: SpanID, flags: TraceFlags = [.sampled, .random], state: String = "",
        isRemote: Bool = false
    ) {
        self.init(
            traceID: traceID, spanID: spanID, flags: flags, state: state, isRemote: isRemote, scope: nil, depth: 0)
    }

    init(
        traceID: TraceID, spanID: SpanID, flags: TraceFlags, state: String, isRemote: Bool, scope: TraceScope?,
        depth: UInt32
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
        self.state = state
        self.isRemote = isRemote
        self.scope = scope
        self.depth = depth
    }

    /// The context that spans are opened under. Survives `await` and child tasks; lost in detached tasks, threads and
    /// NIO handlers, where it has to be carried by hand.
    @TaskLocal public static var current: TraceContext?

    /// Whether the trace is to be exported.
    public var isSampled: Bool { flags.contains(.sampled) }

    /// The handle of the container or volume that the surrounding request is about, once it is known.
    public var handle: String? { scope?.handle }
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
