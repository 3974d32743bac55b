internal import Kernel
internal import Synchronization

/// Brings ended spans from the threads that end them to the exporters, on a thread of its own.
final class ExportPipeline: Sendable {
    /// Spans that wait; more are dropped (the default of OTEL_BSP_MAX_QUEUE_SIZE).
    static let capacity = 2048
    /// Spans handed over at once (the default of OTEL_BSP_MAX_EXPORT_BATCH_SIZE).
    static let batch = 512
    private let exporters: [any SpanExporter]
    private let resource: Resource
    /// How long a span waits for company, in milliseconds: as long as the most urgent exporter lets it.
    private let delay: Int32
    private let wake: EventCounter
    private let sleeping: Epoll
    private let state: Mutex<State>

    private struct State {
        var ring: ExportRing
        /// Whether the thread sleeps until somebody wakes it.
        var isIdle = false
        var isStopping = false
        /// Who waits until everything that has ended is out.
        var waiters: [EventCounter] = []
        /// Who wants to know when what has ended is with the exporters, and is in no hurry.
        var listeners: [@Sendable () -> Void] = []
    }

    /// Starts the thread.
    init(_ exporters: [any SpanExporter], resource: Resource, capacity: Int = capacity) throws(KernelError) {
        self.exporters = exporters
        self.resource = resource
        delay = exporters.map(\.delayMilliseconds).min() ?? 0
        let wake = try EventCounter()
        let sleeping = try Epoll()
        try sleeping.add(wake.descriptor, .readable, token: 0)
        self.wake = wake
        self.sleeping = sleeping
        state = Mutex(State(ring: ExportRing(capacity: capacity)))
        try startThread(named: "span-export") { self.run() }
    }

    /// How full the ring is, and what became of spans.
    var usage: ExportQueueUsage { state.withLock { $0.ring.usage } }

    /// Spans dropped for want of room.
    var dropped: Int { state.withLock { $0.ring.dropped } }

    /// Takes a span that has ended.
    func ended(_ span: EndedSpan) {
        let wakes = state.withLock { state in
            if state.isStopping || !state.ring.append(span) { return false }
            let wasIdle = state.isIdle
            state.isIdle = false
            return wasIdle || state.ring.count == Self.batch
        }
        if wakes { wake.signal() }
    }

    /// Calls `listener`, on this thread of its own, when all spans that ended before are with the exporters.
    /// - Returns: false when the pipeline has stopped, and does not take all of them
    func tell(_ listener: @escaping @Sendable () -> Void) -> Bool {
        let (isTaken, wakes) = state.withLock { state in
            if state.isStopping { return (false, false) }
            state.listeners.append(listener)
            // A thread that waits for company of a span is left to wait.
            let wasIdle = state.isIdle
            state.isIdle = false
            return (true, wasIdle)
        }
        if wakes { wake.signal() }
        return isTaken
    }

    /// Waits until all spans that ended before are where the exporters bring them.
    /// - Parameters:
    ///   - milliseconds: how long at most
    ///   - stop: whether spans that end later are ignored and the thread ends
    /// - Returns: false when the time was too short
    func flush(milliseconds: Int32, stop: Bool) throws(KernelError) -> Bool {
        let done = try EventCounter()
        let watch = try Epoll()
        try watch.add(done.descriptor, .readable, token: 0)
        let isStopped = state.withLock { state in
            if state.isStopping { return true }
            state.waiters.append(done)
            state.isStopping = stop
            return false
        }
        if isStopped { return true }
        let end = bootTime() + UInt64(max(0, milliseconds)) * Self.nanoseconds
        wake.signal()
        var isDone = false
        try watch.wait(milliseconds: milliseconds) { _, _ in isDone = true }
        for exporter in exporters {
            let left = Int32(clamping: (end - min(end, bootTime())) / Self.nanoseconds)
            if !exporter.flush(milliseconds: left, stop: stop) { isDone = false }
        }
        return isDone
    }

    /// In a millisecond.
    private static let nanoseconds: UInt64 = 1_000_000

    private func run() {
        while true {
            let isEmpty = state.withLock { state in
                state.isIdle = state.ring.count == 0 && state.waiters.isEmpty && state.listeners.isEmpty
                return state.isIdle
            }
            if isEmpty { sleep(milliseconds: -1) }
            let isUrgent = state.withLock { !$0.waiters.isEmpty || $0.ring.count >= Self.batch }
            if !isUrgent { sleep(milliseconds: delay) }
            if exportAll() { return }
        }
    }

    private func sleep(milliseconds: Int32) {
        do {
            try sleeping.wait(milliseconds: milliseconds) { _, _ in wake.drain() }
        } catch {
            // The set and its one member live as long as the thread; nothing but a mistake of ours gets here.
            preconditionFailure("span export: \(error)")
        }
    }

    /// Hands over what is there, and tells who waited; true when the pipeline has stopped.
    private func exportAll() -> Bool {
        var (left, waiters, listeners, isStopping) = state.withLock { state in
            defer { (state.waiters, state.listeners) = ([], []) }
            return (state.ring.count, state.waiters, state.listeners, state.isStopping)
        }
        while left > 0 {
            let spans = state.withLock { $0.ring.take(atMost: min(left, Self.batch)) }
            left -= spans.count
            let batch = spans.map(\.recorded)
            for exporter in exporters { exporter.export(batch, resource: resource) }
        }
        for listener in listeners { listener() }
        for waiter in waiters { waiter.signal() }
        return isStopping
    }
}
