internal import Kernel
internal import Telemetry

/// The trace of one run: a span over all of it, under the caller's when there is one.
struct RunTrace: Sendable {
    /// The span over the run.
    let span: OpenSpan
    /// Whether the caller's trace is continued.
    let isContinued: Bool
    /// What the caller wants carried along.
    let baggage: Baggage?

    /// Begins the span under the context given by `traceparent`, else by the environment, else in a new trace.
    static func begin(traceparent: String?, environment: [String: String]) -> RunTrace {
        let given = traceparent.flatMap { TraceContext(traceparent: [$0], tracestate: []) }
        let inherited = EnvironmentCarrier(environment: environment.map { "\($0.key)=\($0.value)" })
        let parent = given ?? inherited.context
        let span = Telemetry.start(.commandRun, parent: parent, kind: .internal)
        return RunTrace(span: span, isContinued: parent != nil, baggage: inherited.baggage)
    }

    /// The variables by which the program may continue the trace; none unless the caller asked for one.
    var programEnvironment: [String] {
        EnvironmentCarrier(context: isContinued ? span.context : nil, baggage: baggage).merged(into: [])
    }

    /// Ends the span.
    func end(failure: (any Error)?) {
        if let failure { span.fail(failure) }
        span.end()
    }
}
