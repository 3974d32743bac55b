/// Pauses that grow, each a bit random, so that clients that failed together do not come back together.
struct Backoff: Sendable {
    /// The first pause in milliseconds, and the longest.
    let first: Int64
    let most: Int64
    private var next: Int64

    init(first: Int64, most: Int64) {
        self.first = first
        self.most = most
        next = first
    }

    /// The next pause in milliseconds: within a fifth of a length that doubles each time.
    mutating func pause() -> Int64 {
        let pause = next
        next = min(next * 2, most)
        return pause * Int64.random(in: 80...120) / 100
    }

    /// Begins anew, after a success.
    mutating func reset() { next = first }
}
