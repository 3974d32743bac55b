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
}
