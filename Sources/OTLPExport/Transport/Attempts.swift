internal import Kernel

/// One export with all its attempts, within the collector's time limit.
struct Attempts {
    let configuration: OTLPConfiguration
    let transport: any Transport
    /// When everything is to be over, in nanoseconds of CLOCK_BOOTTIME; nil until that is known.
    let endsAt: () -> UInt64?
    /// Waits until an instant; false when there is no time for that since the end has come.
    let wait: (UInt64) -> Bool
    /// Told how many seconds an attempt took.
    var attempted: (Double) -> Void = { _ in }
    /// Told before every attempt but the first.
    var retried: () -> Void = {}

    /// The longest that a collector may ask us to stay away, in milliseconds.
    static let pauseMax: UInt64 = 600_000
    /// In a millisecond.
    private static let nanoseconds: UInt64 = 1_000_000

    /// Makes attempts until one is final or there is no time for another. It blocks.
    func deliver(_ request: Request) -> Delivery {
        var backoff = configuration.retry
        let whole = UInt64(max(1, configuration.timeoutMilliseconds)) * Self.nanoseconds
        let end = bootTime() + whole
        // A last attempt without a chance would only hide what the others said.
        let latest = end - whole / 10
        while true {
            let begin = bootTime()
            let limit = min(end, endsAt() ?? end)
            let left = Int64((limit - min(limit, begin)) / Self.nanoseconds)
            let delivery = transport.send(request, milliseconds: max(1, left))
            attempted(Double(bootTime() - begin) / 1e9)
            guard case .retry(_, let wanted) = delivery else { return delivery }
            let pause = min(wanted ?? UInt64(backoff.pause()), Self.pauseMax)
            let next = bootTime() + pause * Self.nanoseconds
            if next >= latest || !wait(next) { return delivery }
            retried()
        }
    }
}
