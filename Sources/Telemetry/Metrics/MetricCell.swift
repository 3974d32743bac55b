internal import Synchronization

/// Where one series is counted. Writers do not wait for each other, or only for a few instructions of the same series.
enum MetricCell: Sendable {
    case number(NumberCell)
    case histogram(HistogramCell)

    init(_ kind: MetricKind) {
        switch kind {
        case .counter, .gauge, .info: self = .number(NumberCell())
        case .histogram(let bounds): self = .histogram(HistogramCell(bounds))
        }
    }

    /// What has been counted.
    var reading: MetricSnapshot.Reading {
        switch self {
        case .number(let cell): .number(cell.value)
        case .histogram(let cell): .histogram(cell.snapshot)
        }
    }
}

/// The number of a counter or gauge: whole parts, which nearly all are, and what has a fraction.
final class NumberCell: Sendable {
    private let whole = Atomic<Int>(0)
    private let rest = Atomic<UInt64>(0)

    var value: Double {
        Double(whole.load(ordering: .relaxed)) + Double(bitPattern: rest.load(ordering: .relaxed))
    }

    @inline(__always)
    func add(_ count: Int) { whole.wrappingAdd(count, ordering: .relaxed) }

    func add(_ amount: Double) {
        if let count = Int(exactly: amount) { return add(count) }
        var known = rest.load(ordering: .relaxed)
        // Each failure means that another writer got on.
        while true {
            let sum = (Double(bitPattern: known) + amount).bitPattern
            let (isDone, now) = rest.weakCompareExchange(expected: known, desired: sum, ordering: .relaxed)
            if isDone { return }
            known = now
        }
    }

    func set(_ value: Double) {
        whole.store(0, ordering: .relaxed)
        rest.store(value.bitPattern, ordering: .relaxed)
    }
}

/// The observations of one series of a histogram.
final class HistogramCell: Sendable {
    private let bounds: [Double]
    private let state: Mutex<State>

    private struct State {
        var counts: [UInt64]
        var sum = 0.0
        /// The last of each bucket; none until there is the first.
        var exemplars: [MetricExemplar?] = []
    }

    init(_ bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts an observation. What is not a number is no observation.
    @inline(__always)
    func observe(_ value: Double, _ exemplar: @autoclosure () -> MetricExemplar? = nil) {
        if value.isNaN { return }
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        let exemplar = exemplar()
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
            guard let exemplar else { return }
            if state.exemplars.isEmpty { state.exemplars = Array(repeating: nil, count: state.counts.count) }
            state.exemplars[bucket] = exemplar
        }
    }

    var snapshot: MetricSnapshot.Histogram {
        let state = state.withLock { $0 }
        return MetricSnapshot.Histogram(
            bounds: bounds, counts: state.counts, sum: state.sum,
            exemplars: state.exemplars.isEmpty
                ? Array(repeating: nil, count: state.counts.count) : state.exemplars)
    }
}

/// A span that stands for the observations of a bucket.
public struct MetricExemplar: Sendable, Hashable {
    /// The trace in which it was made.
    public var traceID: TraceID
    /// The span that was measured.
    public var spanID: SpanID
    /// The observation.
    public var value: Double
    /// When, in nanoseconds since the epoch.
    public var time: UInt64

    /// Describes one observation.
    public init(traceID: TraceID, spanID: SpanID, value: Double, time: UInt64) {
        self.traceID = traceID
        self.spanID = spanID
        self.value = value
        self.time = time
    }
}
