internal import Kernel

/// A span that has begun. It may be written to from any thread until it ends; what comes after its end is ignored.
public struct OpenSpan: Sendable {
    // Four words, the most that are passed in registers.

    /// The span's own context: the parent of its children.
    public let context: TraceContext
    /// When it began, in nanoseconds of CLOCK_BOOTTIME.
    public let start: UInt64

    private init(context: consuming TraceContext, start: UInt64) {
        self.context = context
        self.start = start
    }

    /// The span that a scope keeps.
    init(_ record: SpanRecord, in scope: TraceScope) {
        self.init(context: record.context(in: scope), start: record.start)
    }

    /// A span that begins.
    static func open(
        name: String, phase: Phase?, context: consuming TraceContext, parentID: SpanID?, parentIsRemote: Bool,
        kind: RecordedSpan.Kind, start: UInt64, isRecording: Bool
    ) -> OpenSpan {
        if isRecording {
            let (spanID, flags, depth) = (context.spanID, context.flags, context.depth)
            context.ordinal = context.scope.add { ordinal, isKept in
                SpanRecord(
                    spanID: spanID, start: start, name: name, ordinal: ordinal, depth: depth, flags: flags,
                    phase: phase, kind: kind, parentIsRemote: parentIsRemote, isKept: isKept, parentID: parentID)
            }
        }
        if Metrics.isOn {
            Metrics.shared.spans.began(
                isRecording ? context.isSampled : nil, hasParent: parentID != nil, parentIsRemote: parentIsRemote)
        }
        return OpenSpan(context: context, start: start)
    }

    /// Whether what is written to it is kept. A span that records nothing still carries a context of its own.
    @inlinable
    @inline(__always)
    public var isRecording: Bool { context.ordinal != TraceContext.unrecorded }

    /// The phase, unless a library opened the span, or it records nothing.
    public var phase: Phase? { context.scope.record(context.ordinal)?.phase }

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

    /// Sets several attributes at once, for the price of one: `span.set { $0.set("apron.path", path) }`.
    @inlinable
    @inline(__always)
    public func set(_ attributes: (inout AttributeList) -> Void) {
        if !isRecording { return }
        var list = AttributeList()
        attributes(&list)
        take(&list)
    }

    @usableFromInline
    func take(_ list: inout AttributeList) {
        change { $0.take(&list) }
    }

    /// Sets several attributes at once.
    public func set(_ attributes: [Attribute]) {
        change { record in
            for attribute in attributes { record.set(attribute) }
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
        let exports = context.isSampled && Telemetry.exports
        let record = context.scope.end(
            context.ordinal, at: max(instant ?? bootTime(), start), isWanted: exports || Metrics.isOn)
        if let record { Self.handOver(EndedSpan(record: record, scope: context.scope), exports: exports) }
    }

    /// Not inlined, so that nothing is counted for spans that nobody waits for.
    @inline(never)
    private static func handOver(_ span: EndedSpan, exports: Bool) {
        if Metrics.isOn { Metrics.shared.spans.ended(span) }
        if exports { Telemetry.export(span) }
    }

    /// Whether the span has ended.
    public var isEnded: Bool { context.scope.record(context.ordinal)?.end != nil }

    /// What is known about the span now; nothing but ids and its begin when it records nothing, or has ended and is
    /// not kept any more.
    public var recorded: RecordedSpan {
        let record = isRecording ? context.scope.record(context.ordinal) : nil
        return (record ?? rudiment).recorded(in: context.scope, handle: context.handle)
    }

    private var rudiment: SpanRecord {
        SpanRecord(
            spanID: context.spanID, start: start, name: "", ordinal: context.ordinal, depth: context.depth,
            flags: context.flags, phase: nil, kind: .internal, parentIsRemote: false, isKept: false, parentID: nil)
    }

    @inline(__always)
    private func change(_ body: (inout SpanRecord) -> Void) {
        if isRecording { context.scope.change(context.ordinal, body) }
    }
}
