internal import Worker

/// Cancels `body` after `limit` and then waits for it, so that what it undoes is undone when the caller is told.
///
/// A body that succeeds all the same has succeeded.
func withTimeLimit<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        var isOver = false
        while true {
            do {
                guard let first = try await group.next() else { throw CancellationError() }
                group.cancelAll()
                if let result = first { return result }
                isOver = true
            } catch {
                guard isOver else { throw error }
                throw WorkerError(.failed, "timed out after \(goText(limit))")
            }
        }
    }
}

/// A duration as Go writes it, such as `5m0s`.
func goText(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    let millis = duration.components.attoseconds / 1_000_000_000_000_000
    let rest = millis > 0 ? "\(seconds % 60).\(String(1000 + millis).dropFirst())s" : "\(seconds % 60)s"
    if seconds >= 3600 { return "\(seconds / 3600)h\(seconds / 60 % 60)m\(rest)" }
    return seconds >= 60 ? "\(seconds / 60)m\(rest)" : rest
}
