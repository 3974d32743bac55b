/// Gives a watched phase its result and its typed error.
@inlinable
@inline(__always)
func runWatched<Result: ~Copyable, Failure: Error>(
    _ phase: Phase, _ flags: UInt8, parent: TraceContext?, clock: inout UInt64,
    _ body: (PhaseSpan) throws(Failure) -> Result
) throws(Failure) -> Result {
    var result: Result?
    var failure: Failure?
    watch(phase, flags, parent: parent, clock: &clock) { span, fault in
        do throws(Failure) {
            // A fault of another type than the body throws cannot be thrown here; its plan says that it was due.
            if let fault, let planned = fault as? Failure { throw planned }
            result = try body(span)
            return nil
        } catch {
            failure = error
            return error
        }
    }
    if let failure { throw failure }
    guard let value = result.take() else { preconditionFailure("the body neither returned nor threw") }
    return value
}

/// Gives a watched phase its result and its typed error.
@inlinable
@inline(__always)
func runWatched<Result: ~Copyable, Failure: Error>(
    _ phase: Phase, _ flags: UInt8, parent: TraceContext?, clock: inout UInt64,
    _ body: (PhaseSpan) async throws(Failure) -> Result
) async throws(Failure) -> Result {
    var result: Result?
    var failure: Failure?
    await watch(phase, flags, parent: parent, clock: &clock) { span, fault in
        do throws(Failure) {
            if let fault, let planned = fault as? Failure { throw planned }
            result = try await body(span)
            return nil
        } catch {
            failure = error
            return error
        }
    }
    if let failure { throw failure }
    guard let value = result.take() else { preconditionFailure("the body neither returned nor threw") }
    return value
}
