internal import Synchronization

/// How much one span may hold; what is beyond is dropped and counted.
public struct SpanLimits: Sendable, Hashable {
    /// Attributes of a span (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT).
    public var attributes = 128
    /// Events of a span (OTEL_SPAN_EVENT_COUNT_LIMIT).
    public var events = 128
    /// Links of a span (OTEL_SPAN_LINK_COUNT_LIMIT).
    public var links = 128
    /// Attributes of one event (OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT).
    public var attributesPerEvent = 128
    /// Attributes of one link (OTEL_LINK_ATTRIBUTE_COUNT_LIMIT).
    public var attributesPerLink = 128
    /// Bytes of one text (OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT). OpenTelemetry has no limit of its own; here texts
    /// come from containers and are kept in memory.
    public var valueBytes = 16_384

    /// The defaults.
    public init() {}

    /// Texts in one list of texts.
    static let valueCount = 128

    /// The limits in force. Each is read by itself, by threads that set attributes.
    static var attributes: Int { attributesMax.load(ordering: .relaxed) }
    static var events: Int { eventsMax.load(ordering: .relaxed) }
    static var links: Int { linksMax.load(ordering: .relaxed) }
    static var attributesPerEvent: Int { attributesPerEventMax.load(ordering: .relaxed) }
    static var attributesPerLink: Int { attributesPerLinkMax.load(ordering: .relaxed) }
    static var valueBytes: Int { valueBytesMax.load(ordering: .relaxed) }

    /// Puts these limits in force.
    func enforce() {
        attributesMax.store(max(0, attributes), ordering: .relaxed)
        eventsMax.store(max(0, events), ordering: .relaxed)
        linksMax.store(max(0, links), ordering: .relaxed)
        attributesPerEventMax.store(max(0, attributesPerEvent), ordering: .relaxed)
        attributesPerLinkMax.store(max(0, attributesPerLink), ordering: .relaxed)
        valueBytesMax.store(max(0, valueBytes), ordering: .relaxed)
    }
}

private let attributesMax = Atomic<Int>(128)
private let eventsMax = Atomic<Int>(128)
private let linksMax = Atomic<Int>(128)
private let attributesPerEventMax = Atomic<Int>(128)
private let attributesPerLinkMax = Atomic<Int>(128)
private let valueBytesMax = Atomic<Int>(16_384)
