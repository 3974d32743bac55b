internal import Kernel
public import Synchronization

/// What the façade has to do beyond calling the body; 0 means nothing.
@usableFromInline let facadeFlags = Atomic<UInt8>(0)

/// The bits of ``facadeFlags``.
enum FacadeFlag {
    /// Spans are recorded.
    static let spans: UInt8 = 1
    /// A fault plan is in force somewhere.
    static let faults: UInt8 = 2

    static func raise(_ flag: UInt8) { facadeFlags.bitwiseOr(flag, ordering: .relaxed) }
    static func lower(_ flag: UInt8) { facadeFlags.bitwiseAnd(~flag, ordering: .relaxed) }
}

/// Runs the body of a phase that somebody watches. Not generic, so that it costs no metadata and is compiled once.
/// - Parameters:
///   - parent: the span above, if it is known; else the task's current one
///   - clock: when the phase begins, 0 for now; afterwards when it ended
///   - body: gets the span and the fault that it shall throw at once; gives the error that it ended with
@usableFromInline
func watch(
    _ phase: Phase, _ flags: UInt8, parent: TraceContext?, clock: inout UInt64,
    _ body: (PhaseSpan, (any Error)?) -> (any Error)?
) {
    let fault = plannedFault(phase, flags)
    guard flags & FacadeFlag.spans != 0 else {
        _ = body(PhaseSpan(nil), fault)
        return
    }
    let span = OpenSpan.begin(phase, parent: parent, start: clock)
    clock = run(span, fault, body)
}

/// Runs the body of a phase that somebody watches, see ``watch(_:_:parent:clock:_:)``.
@usableFromInline
func watch(
    _ phase: Phase, _ flags: UInt8, parent: TraceContext?, clock: inout UInt64,
    _ body: (PhaseSpan, (any Error)?) async -> (any Error)?
) async {
    let fault = plannedFault(phase, flags)
    guard flags & FacadeFlag.spans != 0 else {
        _ = await body(PhaseSpan(nil), fault)
        return
    }
    let span = OpenSpan.begin(phase, parent: parent, start: clock)
    let error = await TraceContext.$current.withValue(span.context) { await body(PhaseSpan(span), fault) }
    clock = span.end(phaseError: error)
}

/// Runs the body of a phase and ends its span. It only borrows the span, and is not inlined: then the caller's
/// reference is the only one.
@inline(never)
private func run(
    _ span: OpenSpan, _ fault: (any Error)?, _ body: (PhaseSpan, (any Error)?) -> (any Error)?
) -> UInt64 {
    let error = TraceContext.$current.withValue(span.context) { body(PhaseSpan(span), fault) }
    return span.end(phaseError: error)
}

private func plannedFault(_ phase: Phase, _ flags: UInt8) -> (any Error)? {
    flags & FacadeFlag.faults == 0 ? nil : FaultPlan.current?.take(phase)
}

extension OpenSpan {
    fileprivate static func begin(_ phase: Phase, parent: TraceContext?, start: UInt64) -> OpenSpan {
        begin(
            name: phase.rawValue, phase: phase, parent: parent ?? TraceContext.innermost, kind: phase.kind,
            start: start == 0 ? bootTime() : start, isRecording: true)
    }

    /// Ends the span; gives the instant at which it ended.
    fileprivate func end(phaseError error: (any Error)?) -> UInt64 {
        if let error { fail(error) }
        let instant = bootTime()
        end(at: instant)
        return instant
    }
}
