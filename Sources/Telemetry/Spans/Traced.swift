public import Synchronization

/// Runs a phase of the worker's work as a span: a child of ``TraceContext/current``, and current itself during the
/// body.
///
/// An error thrown by the body marks the span as failed, with errno, call and path where a system call is the cause.
/// While spans are off this is a plain call: nothing is allocated and no argument for an attribute is computed.
///
/// A closure with `try` inside throws `any Error` unless it says otherwise: `{ span throws(KernelError) in … }`.
@inlinable
@inline(__always)
@discardableResult
public func traced<Result: ~Copyable, Failure: Error>(
    _ phase: Phase, _ body: (PhaseSpan) throws(Failure) -> Result
) throws(Failure) -> Result {
    let flags = facadeFlags.load(ordering: .relaxed)
    if flags == 0 { return try body(PhaseSpan(nil)) }
    var clock: UInt64 = 0
    return try runWatched(phase, flags, parent: nil, clock: &clock, body)
}

/// Runs a phase of the worker's work as a span, with an asynchronous body.
@inlinable
@inline(__always)
@discardableResult
public func traced<Result: ~Copyable, Failure: Error>(
    _ phase: Phase, _ body: (PhaseSpan) async throws(Failure) -> Result
) async throws(Failure) -> Result {
    let flags = facadeFlags.load(ordering: .relaxed)
    if flags == 0 { return try await body(PhaseSpan(nil)) }
    var clock: UInt64 = 0
    return try await runWatched(phase, flags, parent: nil, clock: &clock, body)
}
