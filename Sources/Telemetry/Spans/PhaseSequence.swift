public import Synchronization

/// Phases of one span that follow each other without a gap: each begins at the very instant at which the former
/// ended, the first with the span itself. So the time of a parent is accounted for by construction, except for what
/// follows its last phase.
@frozen
public struct PhaseSequence {
    @usableFromInline let parent: TraceContext?
    @usableFromInline var clock: UInt64

    @inlinable
    @inline(__always)
    init(under parent: OpenSpan?) {
        self.parent = parent?.context
        clock = parent?.start ?? 0
    }

    /// Where the next phase begins, in nanoseconds of CLOCK_BOOTTIME; of no meaning while spans are off.
    public var end: UInt64 { clock }

    /// Runs a phase; see ``traced(_:_:)``.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func run<Result: ~Copyable, Failure: Error>(
        _ phase: Phase, _ body: (PhaseSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = facadeFlags.load(ordering: .relaxed)
        if flags == 0 { return try body(PhaseSpan(nil)) }
        return try runWatched(phase, flags, parent: parent, clock: &clock, body)
    }

    /// Runs a phase; see ``traced(_:_:)``.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func run<Result: ~Copyable, Failure: Error>(
        _ phase: Phase, _ body: (PhaseSpan) async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let flags = facadeFlags.load(ordering: .relaxed)
        if flags == 0 { return try await body(PhaseSpan(nil)) }
        return try await runWatched(phase, flags, parent: parent, clock: &clock, body)
    }
}
