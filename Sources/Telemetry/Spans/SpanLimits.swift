/// How much one span may hold; what is beyond is dropped and counted.
enum SpanLimits {
    /// Attributes of a span (the OpenTelemetry SDK's default).
    static let attributes = 128
    /// Events of a span (the OpenTelemetry SDK's default).
    static let events = 128
    /// Links of a span (the OpenTelemetry SDK's default).
    static let links = 128
    /// Attributes of one event or link (the OpenTelemetry SDK's default).
    static let attributesPerItem = 128
    /// Bytes of one text. OpenTelemetry has no limit; here texts come from containers and are kept in memory.
    static let valueBytes = 16_384
    /// Texts in one list of texts.
    static let valueCount = 128
}
