/// The flags byte of a trace context (W3C Trace Context level 2). Test its bits, never compare it whole.
public struct TraceFlags: OptionSet, Hashable, Sendable {
    /// All eight bits, the unknown ones included.
    public let rawValue: UInt8

    /// Keeps every bit, known or not.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The caller records this trace; ours to export unless told otherwise.
    public static let sampled = TraceFlags(rawValue: 1)
    /// The right-most 56 bits of the trace id are random.
    public static let random = TraceFlags(rawValue: 2)

    /// The bits that may be sent on; a sender clears those that it does not know.
    public static let known: TraceFlags = [.sampled, .random]
}
