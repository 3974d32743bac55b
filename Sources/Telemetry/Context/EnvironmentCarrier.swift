/// A trace context in a list of environment variables (`KEY=value`): how programs pass it to programs.
///
/// The names are `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, in upper case only.
public struct EnvironmentCarrier: Sendable, Equatable {
    /// The context, when `TRACEPARENT` is there and valid.
    public var context: TraceContext?
    /// The value of `BAGGAGE`, passed on as it is.
    public var baggage: String?

    /// Longer baggage is dropped whole: nobody has to pass on more (W3C Baggage §3.3.2).
    public static let baggageLengthMax = 8192

    /// Carries a context and baggage.
    public init(context: TraceContext?, baggage: String? = nil) {
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
        context = values["TRACEPARENT"].flatMap { parent in
            TraceContext(traceparent: [parent], tracestate: values["TRACESTATE"].map { [$0] } ?? [])
        }
        if let baggage = values["BAGGAGE"], !baggage.isEmpty, baggage.utf8.count <= Self.baggageLengthMax {
            self.baggage = baggage
        }
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
        if let baggage { result.append("BAGGAGE=\(baggage)") }
        return result
    }

    private static let names = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"]
}
