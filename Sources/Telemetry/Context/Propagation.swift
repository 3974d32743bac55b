internal import Synchronization

/// What is taken from callers and passed on (OTEL_PROPAGATORS).
public struct Propagation: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Keeps the bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `traceparent` and `tracestate`.
    public static let traceContext = Propagation(rawValue: 1)
    /// `baggage`.
    public static let baggage = Propagation(rawValue: 2)
    /// Both; the default.
    public static let all: Propagation = [.traceContext, .baggage]

    /// What is in force.
    public static var current: Propagation { Propagation(rawValue: inForce.load(ordering: .relaxed)) }

    func enforce() { inForce.store(rawValue, ordering: .relaxed) }
}

private let inForce = Atomic<UInt8>(Propagation.all.rawValue)

extension TraceContext {
    /// The headers by which a request carries this context and the current baggage on, names in lower case.
    public var outboundHeaders: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        let propagation = Propagation.current
        if propagation.contains(.traceContext) {
            headers.append(("traceparent", traceparent))
            if let tracestate { headers.append(("tracestate", tracestate)) }
        }
        if propagation.contains(.baggage), let baggage = Baggage.current {
            headers.append(("baggage", baggage.header))
        }
        return headers
    }
}
