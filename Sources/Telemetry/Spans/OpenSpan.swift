internal import Kernel
internal import Synchronization

/// A span that has begun. It may be written to from any thread until it ends; what comes after its end is ignored.
public final class OpenSpan: Sendable {
    // Tens of thousands are kept. In this order they take 120 bytes each, the most that the allocator gives out and
    // takes back at its quickest.

    /// The span's own context: the parent of its children.
    public let context: TraceContext
    /// The phase, unless a library opened the span.
    public let phase: Phase?
    /// Whether what is written to it is kept. A span that records nothing still carries a context of its own.
    public let isRecording: Bool
    /// When it began, in nanoseconds of CLOCK_BOOTTIME.
    public let start: UInt64

    let parentID: SpanID?
    let parentIsRemote: Bool
    let kind: RecordedSpan.Kind
    /// Whether the store keeps it.
    private let isKept: Bool
    private let state: Mutex<State>

    struct State {
        var name: String
        var attributes: [Attribute] = []
        /// What few spans have.
        var rest: Rest?
        var end: UInt64?
    }

    /// What few spans have: everything but name, times and attributes.
    final class Rest {
        var events: [RecordedSpan.Event] = []
        var links: [Link] = []
        var status = RecordedSpan.Status.unset
        var droppedAttributes = 0
        var droppedEvents = 0
        var droppedLinks = 0
    }

    private init(
        name: String, phase: Phase?, context: consuming TraceContext, parentID: SpanID?, parentIsRemote: Bool,
        kind: RecordedSpan.Kind, start: UInt64, isRecording: Bool, isKept: Bool
    ) {
        self.context = context
        self.phase = phase
        self.start = start
        self.isRecording = isRecording
        self.parentID = parentID
        self.parentIsRemote = parentIsRemote
        self.kind = kind
        self.isKept = isKept
        state = Mutex(State(name: name))
    }

    /// A span that begins, in its scope's store if that has room.
    static func open(
        name: String, phase: Phase?, context: consuming TraceContext, parentID: SpanID?, parentIsRemote: Bool,
        kind: RecordedSpan.Kind, start: UInt64, isRecording: Bool
    ) -> OpenSpan {
        let isKept = isRecording && context.scope.admit()
        let span = OpenSpan(
            name: name, phase: phase, context: context, parentID: parentID, parentIsRemote: parentIsRemote, kind: kind,
            start: start, isRecording: isRecording, isKept: isKept)
        span.begun()
        return span
    }

    /// Makes the new span known to its scope and to the metrics. Not inlined: beside the initialiser, references would
    /// be counted to hold what the span holds already.
    @inline(never)
    private func begun() {
        if isKept { context.scope.add(self) }
        countBegin()
    }

    /// Sets an attribute; a second value for the same key replaces the first.
    @inlinable
    @inline(__always)
    public func set(_ key: AttributeKey, _ value: (some AttributeConvertible)?) {
        if let value { setValue(key, value.attributeValue) }
    }

    @usableFromInline
    func setValue(_ key: AttributeKey, _ value: AttributeValue) {
        change { $0.set(Attribute(key, value)) }
    }

    /// Sets several attributes at once.
    public func set(_ attributes: [Attribute]) {
        change { state in
            for attribute in attributes { state.set(attribute) }
        }
    }

    /// Notes that something happened.
    /// - Parameters:
    ///   - name: what, from a short list of names
    ///   - time: when, in nanoseconds of CLOCK_BOOTTIME; now unless given
    ///   - attributes: what is known about it
    public func event(_ name: String, at time: UInt64? = nil, attributes: [Attribute] = []) {
        let time = time ?? bootTime()
        change { $0.append(RecordedSpan.Event(time: time, name: name, attributes: attributes)) }
    }

    /// Relates the span to another one.
    public func link(_ link: Link) {
        change { $0.append(link) }
    }

    /// Says how it went. Once it is ok it stays ok; an error stays unless somebody vouches for the span.
    public func status(_ status: RecordedSpan.Status) {
        change { $0.set(status) }
    }

    /// Marks the span as failed by this error.
    public func fail(_ error: any Error) {
        if !isRecording { return }
        let failure = SpanFailure(error)
        change { $0.set(failure) }
    }

    /// Gives the span another name, such as `POST /containers`.
    public func rename(_ name: String) {
        change { $0.name = name }
    }

    /// Says which container or volume the request is about, for this span and all others of the same request.
    public func setHandle(_ handle: String) {
        if isRecording { context.scope.setHandle(handle) }
    }

    /// Ends the span. A second end is ignored.
    /// - Parameter instant: when, in nanoseconds of CLOCK_BOOTTIME, and never before its begin; now unless given
    public func end(at instant: UInt64? = nil) {
        if !isRecording { return }
        let instant = max(instant ?? bootTime(), start)
        let size: Int? = state.withLock { state in
            if state.end != nil { return nil }
            state.end = instant
            return state.size
        }
        guard let size else { return }
        if isKept { context.scope.ended(size: size) }
        countEnd(at: instant)
        if context.isSampled { Telemetry.export(self) }
    }

    /// Whether the span has ended.
    public var isEnded: Bool { state.withLock { $0.end != nil } }

    /// The name that it has now.
    var name: String { state.withLock { $0.name } }

    /// Whether it has failed so far.
    var hasFailed: Bool { state.withLock { $0.status.isError } }

    /// The memory that the span holds, once it cannot change any more.
    var finalSize: Int? { state.withLock { $0.end == nil ? nil : $0.size } }

    /// What is known about the span now.
    public var recorded: RecordedSpan {
        let handle = context.handle
        return state.withLock { state in
            RecordedSpan(
                context: context, parentID: parentID, parentIsRemote: parentIsRemote, phase: phase, name: state.name,
                kind: kind, handle: handle, start: start, end: state.end, anchor: context.scope.anchor,
                attributes: state.attributes, droppedAttributes: state.rest?.droppedAttributes ?? 0,
                events: state.rest?.events ?? [], droppedEvents: state.rest?.droppedEvents ?? 0,
                links: state.rest?.links ?? [], droppedLinks: state.rest?.droppedLinks ?? 0,
                status: state.rest?.status ?? .unset)
        }
    }

    @inline(__always)
    private func change(_ body: (inout State) -> Void) {
        if !isRecording { return }
        state.withLock { state in
            if state.end == nil { body(&state) }
        }
    }
}
