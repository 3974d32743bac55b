/// A trace context in a list of environment variables (`KEY=value`): how programs pass it to programs.
///
/// The names are `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, in upper case only.
public struct EnvironmentCarrier: Sendable, Equatable {
    /// The context, when `TRACEPARENT` is there and valid.
    public var context: TraceContext?
    /// The value of `BAGGAGE`.
    public var baggage: Baggage?

    /// Carries a context and baggage.
    public init(context: TraceContext?, baggage: Baggage? = nil) {
        self.context = context
        self.baggage = baggage
    }

    /// Reads an environment; of a name that comes more than once the last counts, as for the program that gets it.
    public init(environment: [String]) {
        var values: [String: String] = [:]
        for entry in environment {
            guard let name = Self.names.first(where: { entry.hasPrefix($0 + "=") }) else { continue }
            values[name] = String(entry.dropFirst(name.count + 1))
        }
        let propagation = Propagation.current
        context = (propagation.contains(.traceContext) ? values["TRACEPARENT"] : nil).flatMap { parent in
            TraceContext(traceparent: [parent], tracestate: values["TRACESTATE"].map { [$0] } ?? [])
        }
        baggage = (propagation.contains(.baggage) ? values["BAGGAGE"] : nil).flatMap { Baggage([$0]) }
    }

    /// An environment with this context in place of any that it had.
    public func merged(into environment: [String]) -> [String] {
        var result = environment.filter { entry in
            !Self.names.contains { entry.hasPrefix($0 + "=") }
        }
        if let context {
            result.append("TRACEPARENT=\(context.traceparent)")
            if let state = context.tracestate { result.append("TRACESTATE=\(state)") }
        }
        if let baggage { result.append("BAGGAGE=\(baggage.header)") }
        return result
    }

    /// An environment in which a program finds `span` above it, in place of any context that it had; unchanged when
    /// nobody would ever see the span, or when contexts are not passed on.
    public static func replacingContext(in environment: [String], by span: OpenSpan) -> [String] {
        guard span.isRecording, Propagation.current.contains(.traceContext) else { return environment }
        // Baggage is about the whole trace and stays as it is.
        let others = environment.filter { !$0.hasPrefix("TRACEPARENT=") && !$0.hasPrefix("TRACESTATE=") }
        let state = span.context.tracestate.map { ["TRACESTATE=\($0)"] } ?? []
        return others + ["TRACEPARENT=\(span.context.traceparent)"] + state
    }

    private static let names = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"]
}
