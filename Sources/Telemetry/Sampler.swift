/// Which traces are exported; the values of OTEL_TRACES_SAMPLER.
///
/// By default only traces that begin here are asked about, and those that came from outside follow their caller.
public struct Sampler: Sendable, Hashable {
    /// What decides about a trace that has no say of its own.
    public enum Choice: Sendable, Hashable {
        /// Every trace.
        case always
        /// None.
        case never
        /// This share of traces, between 0 and 1, chosen by the random bits of the trace id.
        case ratio(Double)
    }

    /// What decides about a trace that has no say of its own.
    public let choice: Choice
    /// Whether a caller's decision holds.
    public let followsParent: Bool

    /// A sampler; by default one that follows the caller.
    public init(_ choice: Choice, followsParent: Bool = true) {
        self.choice = choice
        self.followsParent = followsParent
    }

    /// Reads the value of OTEL_TRACES_SAMPLER, in any case; nil for names that are not known.
    /// - Parameters:
    ///   - name: one of the six names
    ///   - ratio: the value of OTEL_TRACES_SAMPLER_ARG, for the two that have one
    public init?(name: String, ratio: Double = 1) {
        let name = name.lowercased()
        let prefix = "parentbased_"
        let followsParent = name.hasPrefix(prefix)
        switch followsParent ? String(name.dropFirst(prefix.count)) : name {
        case "always_on": self.init(.always, followsParent: followsParent)
        case "always_off": self.init(.never, followsParent: followsParent)
        case "traceidratio": self.init(.ratio(ratio), followsParent: followsParent)
        default: return nil
        }
    }

    /// The six names.
    public static let names = ["always_on", "always_off", "traceidratio"].flatMap { [$0, "parentbased_" + $0] }

    /// What was decided about a trace on its entry into this process.
    struct Decision: Equatable {
        let isSampled: Bool
        /// The `tracestate` to carry on.
        let state: String
    }

    /// Decides about a trace that begins here, or that a caller hands over.
    func decide(_ traceID: TraceID, caller: TraceContext? = nil) -> Decision {
        let state = caller?.state ?? ""
        if followsParent, let caller { return Decision(isSampled: caller.isSampled, state: state) }
        switch choice {
        case .always: return Decision(isSampled: true, state: state)
        case .never: return Decision(isSampled: false, state: state)
        case .ratio(let share):
            let entry = ProbabilityEntry(state)
            let threshold = ProbabilityEntry.threshold(ofShare: share)
            let isKept = threshold <= ProbabilityEntry.randomBits && entry.randomness(of: traceID) >= threshold
            return Decision(isSampled: isKept, state: entry.state(threshold: isKept ? threshold : nil))
        }
    }
}

/// The entry `ot` of a `tracestate`: `th` is the threshold at or above which randomness was kept, so that counts can
/// be scaled up; `rv` is randomness that replaces that of the trace id (OpenTelemetry, "TraceState: Probability
/// Sampling").
struct ProbabilityEntry {
    private var fields: [(key: Substring, value: Substring)] = []
    /// The members of other vendors.
    private var others: [Substring] = []

    /// The bits of a trace id that are random, and the largest randomness.
    static let randomBits: UInt64 = 1 << 56 - 1
    /// Hexadecimal digits of a threshold or of randomness.
    private static let digits = 14

    /// Finds the entry in a list that is valid.
    init(_ state: String) {
        for member in state.split(separator: ",") {
            guard member.hasPrefix("ot=") else {
                others.append(member)
                continue
            }
            for field in member.dropFirst("ot=".count).split(separator: ";") {
                guard let colon = field.firstIndex(of: ":") else { continue }
                fields.append((field[..<colon], field[field.index(after: colon)...]))
            }
        }
    }

    /// The threshold that this share of randomness reaches; one more than the largest randomness for none.
    static func threshold(ofShare share: Double) -> UInt64 {
        let share = share.isNaN ? 0 : min(max(share, 0), 1)
        return UInt64((Double(randomBits + 1) * (1 - share)).rounded())
    }

    /// The given randomness, else that of the trace id.
    func randomness(of traceID: TraceID) -> UInt64 {
        let given = fields.first { $0.key == "rv" && $0.value.utf8.count == Self.digits }
        return given.flatMap { UInt64(lowerHex: $0.value.utf8) } ?? traceID.low & Self.randomBits
    }

    /// The list with this threshold in its first entry, or without any.
    func state(threshold: UInt64?) -> String {
        var kept = fields.filter { $0.key != "th" }
        if let threshold {
            // Zeros at the end are left out, and one digit has to stay.
            var text = String(lowerHex: threshold, digits: Self.digits)[...]
            while text.count > 1, text.hasSuffix("0") { text = text.dropLast() }
            kept.insert(("th", text), at: 0)
        }
        let entry = kept.map { "\($0.key):\($0.value)" }.joined(separator: ";")
        return ((entry.isEmpty ? [] : ["ot=" + entry]) + others.map(String.init)).joined(separator: ",")
    }
}
