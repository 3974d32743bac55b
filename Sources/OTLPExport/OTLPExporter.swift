internal import Kernel
public import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
public import Telemetry

/// Sends ended spans to an OpenTelemetry collector, and keeps them until it has them.
///
/// ``export(_:resource:)`` encodes the spans and puts them into the spool, or into memory without one; a thread of its
/// own sends them from there, one request at a time, oldest first. A request that fails is made again within the
/// timeout, then the whole backlog waits and is tried again after pauses that grow.
///
/// With a spool, a process that is killed loses the spans that ended within ``delayMilliseconds`` before; the rest is
/// sent after the next start, at least once: a batch whose reply was not seen is sent again. A power cut may lose more,
/// since nothing is forced onto the disk.
public final class OTLPExporter: SpanExporter {
    let configuration: OTLPConfiguration
    private let reporter: Reporter
    private let state: Mutex<State>
    private let wake: EventCounter
    private let sleeping: Epoll

    private struct State: ~Copyable {
        var backlog: Backlog
        /// Not before it (CLOCK_BOOTTIME, nanoseconds) is the collector asked again.
        var pausedUntil: UInt64 = 0
        /// Somebody waits: a pause is not waited for.
        var isUrgent = false
        /// Nanoseconds of CLOCK_BOOTTIME at which the thread gives up.
        var stopAt: UInt64?
        var isStopped = false
        var waiters: [EventCounter] = []
    }

    /// Spans wait so long in the pipeline, in milliseconds: what is lost at most when the process is killed.
    public let delayMilliseconds: Int32

    /// As above. Twenty wake-ups a second while there are spans, none otherwise.
    private static let pipelineDelay: Int32 = 50
    /// A batch is closed when it is that long, so that one piece more stays far below the size of a request.
    private static let batchBytes = 4 << 20

    /// Begins to send, first what an earlier process left in the spool.
    /// - Throws: ``OTLPConfigurationError`` for certificates that cannot be read, and the kernel's error when there is
    ///   no thread to be had. A spool that cannot be used is reported, not thrown.
    public init(_ configuration: OTLPConfiguration, logger: Logger) throws {
        self.configuration = configuration
        reporter = Reporter(logger)
        let isSpooled = configuration.spool != nil
        delayMilliseconds =
            isSpooled
            ? Self.pipelineDelay : Int32(clamping: min(configuration.delayMilliseconds, Int64(Self.secondsDelay)))
        try configuration.checkCertificates()
        var spool: SpoolDirectory?
        if let settings = configuration.spool {
            do throws(KernelError) { spool = try SpoolDirectory(settings.directory) } catch {
                reporter.spoolFailed(error)
            }
        }
        let limits = Backlog.Limits(
            batchSpans: configuration.batchSpans, batchBytes: min(Self.batchBytes, configuration.requestBytesMax / 2),
            memorySpans: configuration.queueSpans, spoolBytes: configuration.spool?.bytesMax ?? 0,
            spoolBatches: configuration.spool?.batchesMax ?? 0)
        var backlog = Backlog(limits, format: configuration.format, spool: spool)
        reporter.count(backlog.recover())
        state = Mutex(State(backlog: backlog))
        let wake = try EventCounter()
        let sleeping = try Epoll()
        try sleeping.add(wake.descriptor, .readable, token: 0)
        self.wake = wake
        self.sleeping = sleeping
        try startThread(named: "otlp-export") { self.run() }
    }

    /// Without a spool nothing is gained by handing spans over sooner.
    private static let secondsDelay: Int32 = 1000

    /// What became of the spans so far.
    public var statistics: ExportStatistics {
        var statistics = reporter.statistics
        state.withLock { state in
            statistics.waitingSpans = state.backlog.spans
            statistics.waitingBatches = state.backlog.count
            statistics.spoolBytes = state.backlog.spoolBytes
        }
        return statistics
    }

    // MARK: taking spans

    /// Encodes the spans and keeps them until they are sent.
    public func export(_ batch: [RecordedSpan], resource: Resource) {
        var rest = batch[...]
        while !rest.isEmpty {
            let part = rest.prefix(configuration.batchSpans)
            rest = rest.dropFirst(part.count)
            append(part, resource)
        }
    }

    private func append(_ spans: ArraySlice<RecordedSpan>, _ resource: Resource) {
        let piece = configuration.format.encode(spans, resource: resource)
        // Half, since what is in a batch already is less than half (batchBytes).
        if piece.count > configuration.requestBytesMax / 2 {
            if spans.count == 1 { return reporter.count(.tooLarge, 1) }
            let half = spans.startIndex + spans.count / 2
            append(spans[..<half], resource)
            return append(spans[half...], resource)
        }
        let (losses, wakes) = state.withLock { state in
            if state.isStopped { return (Backlog.Losses(spans: [(.unsent, spans.count)]), false) }
            let before = (state.backlog.count, state.backlog.openSince)
            let losses = state.backlog.append(piece, spans: spans.count)
            return (losses, before != (state.backlog.count, state.backlog.openSince))
        }
        reporter.count(losses)
        if wakes { wake.signal() }
    }

    /// Sends what waits.
    public func flush(milliseconds: Int32, stop: Bool) -> Bool {
        guard let done = try? EventCounter(), let watch = try? Epoll(),
            (try? watch.add(done.descriptor, .readable, token: 0)) != nil
        else { return false }
        let isStopped = state.withLock { state in
            if state.isStopped { return true }
            state.backlog.close()
            state.isUrgent = true
            state.waiters.append(done)
            if stop { state.stopAt = bootTime() + UInt64(max(0, milliseconds)) * Self.nanoseconds }
            return false
        }
        if isStopped { return true }
        wake.signal()
        try? watch.wait(milliseconds: milliseconds) { _, _ in }
        return state.withLock { $0.backlog.count == 0 }
    }

    /// In a millisecond.
    private static let nanoseconds: UInt64 = 1_000_000

    // MARK: the thread

    private enum Step {
        case send(Backlog.Batch)
        case wait(milliseconds: Int32)
        case stop
    }

    private func run() {
        // A loop of its own: neither waits for the other's requests.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        let transport = makeTransport(configuration, group)
        defer { transport.close() }
        var probe = configuration.probe
        while true {
            switch nextStep() {
            case .send(let batch): send(batch, by: transport, &probe)
            case .wait(let milliseconds): sleep(milliseconds)
            case .stop: return
            }
        }
    }

    private func nextStep() -> Step {
        let now = bootTime()
        let step = state.withLock { state -> Step in
            let delay = UInt64(max(0, configuration.delayMilliseconds)) * Self.nanoseconds
            if let since = state.backlog.openSince, now >= since + delay || state.stopAt != nil {
                state.backlog.close()
            }
            if let stopAt = state.stopAt, now >= stopAt || state.backlog.count == 0 {
                state.isStopped = true
                return .stop
            }
            let isPaused = now < state.pausedUntil && !state.isUrgent
            if !isPaused, let batch = state.backlog.oldest() { return .send(batch) }
            if state.backlog.count == 0 {
                state.isUrgent = false
                for waiter in state.waiters { waiter.signal() }
                state.waiters = []
            }
            var until = state.backlog.openSince.map { $0 + delay }
            if isPaused { until = min(until ?? .max, state.pausedUntil) }
            guard let until else { return .wait(milliseconds: -1) }
            // Rounded up, so that it is not found a bit too early again and again.
            return .wait(milliseconds: Int32(clamping: (until - min(now, until)) / Self.nanoseconds + 1))
        }
        if case .stop = step { finish() }
        return step
    }

    /// What is in memory alone is lost now.
    private func finish() {
        let (lost, waiters) = state.withLock { ($0.backlog.unspooledSpans, $0.waiters) }
        if lost > 0 { reporter.count(.unsent, UInt64(lost)) }
        for waiter in waiters { waiter.signal() }
    }

    private func sleep(_ milliseconds: Int32) {
        do {
            try sleeping.wait(milliseconds: milliseconds) { _, _ in wake.drain() }
        } catch {
            // The set and its one member live as long as the thread; nothing but a mistake of ours gets here.
            preconditionFailure("otlp export: \(error)")
        }
    }

    // MARK: sending

    private func send(_ batch: Backlog.Batch, by transport: any Transport, _ probe: inout Backoff) {
        guard let contents = state.withLock({ $0.backlog.contents(batch) }) else {
            reporter.countDamaged()
            return forget(batch)
        }
        if batch.name.format != configuration.format, configuration.transport == .grpc {
            reporter.count(.foreign, UInt64(batch.spans))
            return forget(batch)
        }
        let format = batch.name.format
        let request = Request(
            format.request(contents), contentType: format.contentType, compression: configuration.compression)
        switch attempts(by: transport).deliver(request) {
        case .delivered(let partial):
            reporter.delivered(spans: batch.spans, partial)
            probe.reset()
            state.withLock { $0.pausedUntil = 0 }
            forget(batch)
        case .refused(let reason):
            reporter.refused(spans: batch.spans, reason)
            forget(batch)
        case .retry(let reason, let wanted):
            let pause = min(max(UInt64(probe.pause()), wanted ?? 0), Attempts.pauseMax)
            reporter.failed(reason, waitingSpans: state.withLock { $0.backlog.spans })
            let waiters = state.withLock { state -> [EventCounter] in
                state.backlog.putBack()
                state.pausedUntil = bootTime() + pause * Self.nanoseconds
                state.isUrgent = false
                // One attempt is all that a flush asks for, and all that the end allows. At the end who waits is told
                // once what is lost has been counted, see finish().
                if state.stopAt != nil {
                    state.stopAt = 0
                    return []
                }
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.signal() }
        }
    }

    private func forget(_ batch: Backlog.Batch) { state.withLock { $0.backlog.remove(batch.name) } }

    private func attempts(by transport: any Transport) -> Attempts {
        Attempts(
            configuration: configuration, transport: transport,
            endsAt: { self.state.withLock { $0.stopAt } }, wait: { self.wait(until: $0) },
            attempted: { self.reporter.attempted(seconds: $0) }, retried: { self.reporter.retried() })
    }

    /// Waits between attempts; false when there is no time for another one since the end has come.
    private func wait(until instant: UInt64) -> Bool {
        while true {
            let now = bootTime()
            if now >= instant { return true }
            if state.withLock({ $0.stopAt != nil }) { return false }
            sleep(Int32(clamping: (instant - now) / Self.nanoseconds + 1))
        }
    }
}
