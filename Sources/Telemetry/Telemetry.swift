public import Kernel
internal import Synchronization

/// The spans of this process: settings, the store, and spans that do not surround a piece of code.
///
/// Code that does its work in one place uses ``traced(_:_:)`` instead.
public enum Telemetry {
    /// What is recorded, and where it goes.
    public struct Configuration: Sendable {
        /// Whether spans are recorded at all. Contexts are passed on in any case.
        public var recordsSpans = true
        /// Which traces are exported.
        public var sampler = Sampler(.always)
        /// How much one span may hold.
        public var limits = SpanLimits()
        /// What is taken from callers and passed on.
        public var propagation = Propagation.all
        /// How much is kept in memory.
        public var store = SpanStore.Limits()
        /// What every span says about this process.
        public var resource = Resource()
        /// Where ended spans go.
        public var exporters: [any SpanExporter] = []

        /// Records everything into memory and exports nothing.
        public init() {}
    }

    /// The spans kept in memory.
    public static let store = SpanStore()

    /// Takes up work with these settings; to be called before anything is traced. A second call stops the exporters of
    /// the first.
    /// - Throws: when the thread that exports cannot be started; nothing is exported then
    public static func configure(_ configuration: Configuration) throws(KernelError) {
        try shutdown(milliseconds: replacementDelay)
        settings.withLock { $0 = configuration }
        store.setLimits(configuration.store)
        configuration.limits.enforce()
        configuration.propagation.enforce()
        if configuration.recordsSpans {
            FacadeFlag.raise(FacadeFlag.spans)
        } else {
            FacadeFlag.lower(FacadeFlag.spans)
        }
        if configuration.exporters.isEmpty { return }
        let new = try ExportPipeline(configuration.exporters, resource: configuration.resource)
        pipeline.withLock { $0 = new }
        isExporting.store(true, ordering: .releasing)
    }

    /// How long exporters that are replaced may take for what they hold, in milliseconds.
    private static let replacementDelay: Int32 = 1000

    /// Waits until all spans that have ended are with the exporters. It blocks the calling thread.
    /// - Parameter milliseconds: how long at most
    /// - Returns: whether everything is out
    @discardableResult
    public static func flush(milliseconds: Int32) throws(KernelError) -> Bool {
        guard let pipeline = pipeline.withLock({ $0 }) else { return true }
        return try pipeline.flush(milliseconds: milliseconds, stop: false)
    }

    /// Calls `listener` when all spans that ended before are with the exporters, which need not have brought them
    /// anywhere but to their spool. It runs on the thread that exports, and must not block it.
    /// - Returns: false when nothing is exported: it is not called then
    @discardableResult
    public static func whenHandedOver(_ listener: @escaping @Sendable () -> Void) -> Bool {
        pipeline.withLock { $0 }?.tell(listener) ?? false
    }

    /// As ``flush(milliseconds:)``; spans that end later are not exported. To be called last of all.
    @discardableResult
    public static func shutdown(milliseconds: Int32) throws(KernelError) -> Bool {
        isExporting.store(false, ordering: .relaxed)
        guard let pipeline = pipeline.withLock({ $0.take() }) else { return true }
        return try pipeline.flush(milliseconds: milliseconds, stop: true)
    }

    /// How full the queue to the exporters is; nil when there are none.
    static var exportQueue: ExportQueueUsage? { pipeline.withLock { $0 }?.usage }

    /// Spans that were not exported for want of room in the ring.
    public static var droppedSpans: Int { pipeline.withLock { $0?.dropped } ?? 0 }

    static func export(_ span: EndedSpan) {
        pipeline.withLock { $0 }?.ended(span)
    }

    private static let pipeline = Mutex<ExportPipeline?>(nil)
    private static let isExporting = Atomic<Bool>(false)

    /// Whether ended spans go anywhere.
    static var exports: Bool { isExporting.load(ordering: .acquiring) }

    /// What every span says about this process.
    public static var resource: Resource { settings.withLock { $0.resource } }

    /// Whether spans are recorded.
    public static var recordsSpans: Bool { facadeFlags.load(ordering: .relaxed) & FacadeFlag.spans != 0 }

    static var sampler: Sampler { settings.withLock { $0.sampler } }

    private static let settings = Mutex(Configuration())

    /// Begins a span that somebody else ends.
    /// - Parameters:
    ///   - phase: what begins
    ///   - name: the span's name, if not the phase's
    ///   - parent: the span above; nil begins a new trace
    ///   - kind: the span's kind, if not the phase's
    ///   - links: relations to other spans
    ///   - handle: the container or volume that it is about, if that is not what the parent is about
    ///   - start: when it began, in nanoseconds of CLOCK_BOOTTIME; now unless given
    ///   - attributes: what is known at its begin
    public static func start(
        _ phase: Phase, name: String? = nil, parent: TraceContext? = .current, kind: RecordedSpan.Kind? = nil,
        links: [Link] = [], handle: String? = nil, start: UInt64? = nil, attributes: [Attribute] = []
    ) -> OpenSpan {
        let span = OpenSpan.begin(
            name: name ?? phase.rawValue, phase: phase, parent: parent, handle: handle, kind: kind ?? phase.kind,
            start: start ?? bootTime(), isRecording: recordsSpans)
        for link in links { span.link(link) }
        if !attributes.isEmpty { span.set(attributes) }
        return span
    }

    /// Records a span that is over already, such as a step that the child reported.
    /// - Parameters:
    ///   - phase: what it was
    ///   - name: the span's name, if not the phase's
    ///   - parent: the span above
    ///   - start: when it began, in nanoseconds of CLOCK_BOOTTIME
    ///   - end: when it ended, in nanoseconds of CLOCK_BOOTTIME
    ///   - attributes: what is known about it
    ///   - status: how it went
    /// - Returns: the context of the span, for spans below it
    @discardableResult
    public static func record(
        _ phase: Phase, name: String? = nil, parent: TraceContext? = .current, start: UInt64, end: UInt64,
        attributes: [(AttributeKey, AttributeValue)] = [], status: RecordedSpan.Status = .unset
    ) -> TraceContext {
        let span = self.start(
            phase, name: name, parent: parent, start: start, attributes: attributes.map { Attribute($0.0, $0.1) })
        span.status(status)
        span.end(at: end)
        return span.context
    }

    /// A span that records nothing: a place in a trace for what comes below it, or is linked to it.
    public static func unrecorded(_ phase: Phase, in context: TraceContext?) -> OpenSpan {
        OpenSpan.begin(
            name: phase.rawValue, phase: phase, parent: context, kind: phase.kind, start: bootTime(), isRecording: false
        )
    }

    /// Opens a span again that was open when an earlier process of ours ended, under the same id and with the same
    /// begin, and notes the event `worker_restarted`.
    public static func reopen(_ stored: StoredSpan) -> OpenSpan {
        let span = OpenSpan.again(stored, isRecording: recordsSpans)
        span.event("worker_restarted")
        return span
    }
}
