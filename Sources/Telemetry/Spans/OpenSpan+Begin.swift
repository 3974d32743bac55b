internal import Kernel

/// How spans come into being: which trace, which parent, which scope.
extension OpenSpan {
    /// Begins a span under a parent, or a new trace under none.
    ///
    /// A span that records nothing has its parent's context, so that what is passed on names no span that nobody knows.
    static func begin(
        name: String, phase: Phase?, parent: consuming TraceContext?, handle: String? = nil, kind: RecordedSpan.Kind,
        start: UInt64, isRecording: Bool
    ) -> OpenSpan {
        guard var context = consume parent else {
            return open(
                name: name, phase: phase,
                context: isRecording
                    ? root(handle: handle) : TraceContext(traceID: .random(), spanID: .random(), flags: .random),
                parentID: nil, parentIsRemote: false, kind: kind, start: start, isRecording: isRecording)
        }
        let (parentID, parentIsRemote) = (context.spanID, context.isRemote)
        if !isRecording {
            context.ordinal = TraceContext.unrecorded
        } else {
            if parentIsRemote || !context.scope.isOurs {
                context = entering(context, handle: handle)
            } else {
                if let handle, handle != context.scope.handle {
                    context.scope = TraceScope(context.scope, handle: handle)
                }
                context.descend()
            }
        }
        return open(
            name: name, phase: phase, context: context, parentID: parentID, parentIsRemote: parentIsRemote, kind: kind,
            start: start, isRecording: isRecording)
    }

    /// Below a context from outside. Whoever is below a span of ours has its decision; only a caller's word may be
    /// overruled.
    private static func entering(_ parent: TraceContext, handle: String?) -> TraceContext {
        var flags = parent.flags
        var state = parent.state
        if parent.isRemote {
            let decision = Telemetry.sampler.decide(parent.traceID, caller: parent)
            if decision.isSampled { flags.insert(.sampled) } else { flags.remove(.sampled) }
            state = decision.state
        }
        var context = TraceContext(
            spanID: .random(), flags: flags,
            scope: TraceScope(parent.traceID, state: state, handle: handle, store: Telemetry.store),
            depth: parent.depth)
        context.deepen()
        return context
    }

    private static func root(handle: String?) -> TraceContext {
        let traceID = TraceID.random()
        let decision = Telemetry.sampler.decide(traceID)
        return TraceContext(
            spanID: .random(), flags: decision.isSampled ? [.random, .sampled] : .random,
            scope: TraceScope(traceID, state: decision.state, handle: handle, store: Telemetry.store), depth: 0)
    }

    /// Opens a span under the id that it had before a restart.
    static func again(_ stored: StoredSpan, isRecording: Bool) -> OpenSpan {
        let known = stored.context
        let scope =
            isRecording
            ? TraceScope(known.traceID, state: known.state, handle: stored.handle, store: Telemetry.store) : known.scope
        // CLOCK_BOOTTIME begins anew with every boot; then the calendar has to do.
        let isSameBoot = stored.start <= bootTime()
        let start = isSameBoot ? stored.start : ClockAnchor.current.bootTime(unixTime: stored.unixStart)
        let span = open(
            name: stored.name, phase: stored.phase,
            context: TraceContext(spanID: known.spanID, flags: known.flags, scope: scope, depth: 0),
            parentID: stored.parent.flatMap { SpanID($0) }, parentIsRemote: stored.parentIsRemote, kind: stored.kind,
            start: start, isRecording: isRecording)
        span.set(stored.attributes)
        for event in stored.events { span.event(event.name, at: event.time, attributes: event.attributes) }
        for link in stored.links { span.link(link) }
        return span
    }
}
