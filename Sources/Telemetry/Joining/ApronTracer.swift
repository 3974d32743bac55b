internal import Kernel
public import ServiceContextModule
internal import Synchronization
public import Tracing

/// Lets libraries that know swift-distributed-tracing join in: their spans go under ours, ours under theirs, all into
/// one store.
///
/// To be installed by `InstrumentationSystem.bootstrap(ApronTracer())` before a library asks for a tracer. A span
/// that is opened without a context of its own goes under ``TraceContext/current``.
public struct ApronTracer: Tracer {
    /// Makes a tracer and lets the façade look for spans of libraries from now on.
    public init() { librariesJoin.store(true, ordering: .relaxed) }

    /// Begins a span. While spans are off it records nothing, but carries a context on.
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> ApronTracerSpan {
        var service = context()
        let parent = TraceContext.inner(service.traceContext, TraceContext.current)
        let span = OpenSpan.begin(
            name: operationName, phase: nil, parent: parent, kind: RecordedSpan.Kind(kind),
            start: bootTime(of: instant()), isRecording: Telemetry.recordsSpans)
        service.traceContext = span.context
        return ApronTracerSpan(span, context: service)
    }

    /// Does nothing: to flush blocks, which a caller of this may not. See ``Telemetry/flush(milliseconds:)``.
    public func forceFlush() {}

    /// Writes `traceparent`, `tracestate` and `baggage`.
    public func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        let propagation = Propagation.current
        let trace = TraceContext.inner(context.traceContext, TraceContext.current)
        if let trace, propagation.contains(.traceContext) {
            injector.inject(trace.traceparent, forKey: "traceparent", into: &carrier)
            if let state = trace.tracestate { injector.inject(state, forKey: "tracestate", into: &carrier) }
        }
        if propagation.contains(.baggage), let baggage = context.baggage ?? Baggage.current {
            injector.inject(baggage.header, forKey: "baggage", into: &carrier)
        }
    }

    /// Reads `traceparent`, `tracestate` and `baggage`.
    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        let propagation = Propagation.current
        if propagation.contains(.traceContext), let parent = extractor.extract(key: "traceparent", from: carrier) {
            let state = extractor.extract(key: "tracestate", from: carrier)
            context.traceContext = TraceContext(traceparent: [parent], tracestate: state.map { [$0] } ?? [])
        }
        if propagation.contains(.baggage), let baggage = extractor.extract(key: "baggage", from: carrier) {
            context.baggage = Baggage([baggage])
        }
    }
}

/// Whether an ``ApronTracer`` exists, so that a task may have a context in its `ServiceContext`.
private let librariesJoin = Atomic<Bool>(false)

extension TraceContext {
    /// The context that a new span goes under: ``current``, or that of a library's span further in.
    static var innermost: TraceContext? {
        librariesJoin.load(ordering: .relaxed) ? inner(ServiceContext.current?.traceContext, current) : current
    }

    /// Of a library's context and ours the one further in. Within a trace that is the deeper one; a context of
    /// another trace was given on purpose.
    static func inner(_ library: TraceContext?, _ own: TraceContext?) -> TraceContext? {
        guard let library, let own else { return library ?? own }
        return library.traceID == own.traceID && library.depth < own.depth ? own : library
    }
}

extension ServiceContext {
    private enum TraceContextKey: ServiceContextKey {
        typealias Value = TraceContext
        static let nameOverride: String? = "apron-trace-context"
    }

    private enum BaggageKey: ServiceContextKey {
        typealias Value = Baggage
        static let nameOverride: String? = "apron-baggage"
    }

    /// The span that libraries' spans go under.
    public var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }

    /// The caller's baggage, passed on.
    public var baggage: Baggage? {
        get { self[BaggageKey.self] }
        set { self[BaggageKey.self] = newValue }
    }
}

/// The instant of CLOCK_BOOTTIME of a library's instant, which is calendar time: by its age, so that it does not
/// matter whether the calendar was corrected before.
func bootTime(of instant: some TracerInstant) -> UInt64 {
    let age = Int64(bitPattern: realTime() &- instant.nanosecondsSinceEpoch)
    let now = bootTime()
    return age < 0 ? now : now > UInt64(age) ? now - UInt64(age) : 0
}

extension RecordedSpan.Kind {
    init(_ kind: SpanKind) {
        self =
            switch kind {
            case .server: .server
            case .client: .client
            case .producer: .producer
            case .consumer: .consumer
            default: .internal
            }
    }
}
