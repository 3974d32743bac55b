extension OpenSpan {
    /// Runs `body` with this span as the current one. It does not end the span.
    @discardableResult
    public func run<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        var result: Result?
        var failure: Failure?
        TraceContext.$current.withValue(context) {
            do throws(Failure) { result = try body() } catch { failure = error }
        }
        if let failure { throw failure }
        guard let value = result.take() else { preconditionFailure("the body neither returned nor threw") }
        return value
    }

    /// Runs `body` with this span as the current one. It does not end the span.
    @discardableResult
    public func run<Result: ~Copyable, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        var result: Result?
        var failure: Failure?
        await TraceContext.$current.withValue(context) {
            do throws(Failure) { result = try await body() } catch { failure = error }
        }
        if let failure { throw failure }
        guard let value = result.take() else { preconditionFailure("the body neither returned nor threw") }
        return value
    }

    /// Runs the phase that this span is of, as ``traced(_:_:)`` does, but neither ends the span nor marks it as failed:
    /// for spans that may have begun in an earlier process, and may end in a later one.
    public func runPhase<Result: Sendable>(
        _ phase: Phase, _ body: (PhaseSpan) async throws -> Result
    ) async throws -> Result {
        try await run { () async throws in
            try FaultPlan.strike(phase)
            return try await body(PhaseSpan(isRecording ? self : nil))
        }
    }
}
