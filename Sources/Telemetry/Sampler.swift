/// Which traces are exported. Traces that came from outside follow their caller; only those that begin here are asked
/// about.
public enum Sampler: Sendable, Hashable {
    /// Every trace.
    case always
    /// None that begins here.
    case never
    /// This share of the traces that begin here, between 0 and 1, chosen by the random bits of the trace id.
    case ratio(Double)

    /// Whether a trace that begins here is exported.
    func keeps(_ traceID: TraceID) -> Bool {
        switch self {
        case .always: return true
        case .never: return false
        case .ratio(let share):
            // The right-most 56 bits are the random ones; keep those at or above the threshold (OTEP 235).
            let randomness = traceID.low & (1 << 56 - 1)
            return randomness >= UInt64(Double(1 << 56) * (1 - min(max(share, 0), 1)))
        }
    }
}
