internal import Kernel

/// How spans come into being: which trace, which parent, which scope.
extension OpenSpan {
    /// Begins a span under a parent, or a new trace under none.
    ///
    /// A span that records nothing has its parent's context, so that what is passed on names no span that nobody knows.
    static func begin(
        name: String, phase: Phase?, parent: TraceContext?, handle: String? = nil, kind: RecordedSpan.Kind,
        start: UInt64,
        isRecording: Bool
    ) -> OpenSpan {
        let context =
            isRecording
            ? parent.map { below($0, handle: handle) } ?? root(handle: handle)
            : parent ?? TraceContext(traceID: .random(), spanID: .random(), flags: .random)
        return OpenSpan(
            name: name, phase: phase, context: context, parentID: parent?.spanID,
            parentIsRemote: parent?.isRemote ?? false,
            kind: kind, start: start, isRecording: isRecording)
    }

    private static func below(_ parent: TraceContext, handle: String?) -> TraceContext {
        let scope: TraceScope
        if let known = parent.scope, handle == nil || handle == known.handle {
            scope = known
        } else {
            scope = TraceScope(parent.traceID, handle: handle, store: Telemetry.store)
        }
        // Whoever is below a span of ours has its decision; only a caller's word may be overruled.
        var flags = parent.flags
        var state = parent.state
        if parent.isRemote {
            let decision = Telemetry.sampler.decide(parent.traceID, caller: parent)
            if decision.isSampled { flags.insert(.sampled) } else { flags.remove(.sampled) }
            state = decision.state
        }
        return TraceContext(
            traceID: parent.traceID, spanID: .random(), flags: flags, state: state, isRemote: false, scope: scope,
            depth: parent.depth &+ 1)
    }

    private static func root(handle: String?) -> TraceContext {
        let traceID = TraceID.random()
        let decision = Telemetry.sampler.decide(traceID)
        return TraceContext(
            traceID: traceID, spanID: .random(), flags: decision.isSampled ? [.random, .sampled] : .random,
            state: decision.state, isRemote: false, scope: TraceScope(traceID, handle: handle, store: Telemetry.store),
            depth: 0)
    }

    /// Opens a span under the id that it had before a restart.
    static func again(_ stored: StoredSpan, isRecording: Bool) -> OpenSpan {
        let known = stored.context
        let scope = isRecording ? TraceScope(known.traceID, handle: stored.handle, store: Telemetry.store) : nil
        // CLOCK_BOOTTIME begins anew with every boot; then the calendar has to do.
        let isSameBoot = stored.start <= bootTime()
        let start = isSameBoot ? stored.start : ClockAnchor.current.bootTime(unixTime: stored.unixStart)
        let span = OpenSpan(
            name: stored.name, phase: stored.phase,
            context: TraceContext(
                traceID: known.traceID, spanID: known.spanID, flags: known.flags, state: known.state, isRemote: false,
                scope: scope, depth: 0),
            parentID: stored.parent.flatMap { SpanID($0) }, parentIsRemote: stored.parentIsRemote, kind: stored.kind,
            start: start, isRecording: isRecording)
        span.set(stored.attributes)
        for event in stored.events { span.event(event.name, at: event.time, attributes: event.attributes) }
        for link in stored.links { span.link(link) }
        return span
    }
}
