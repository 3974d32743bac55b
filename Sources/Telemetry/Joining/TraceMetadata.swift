public import Logging

extension Logger.MetadataProvider {
    /// Puts `trace_id`, `span_id` and `trace_flags` of the current span on every log line, as OpenTelemetry names
    /// them in logs that are not OTLP.
    public static let traceContext = Logger.MetadataProvider {
        guard let context = TraceContext.innermost else { return [:] }
        return [
            "trace_id": "\(context.traceID)",
            "span_id": "\(context.spanID)",
            "trace_flags": "\(String(lowerHex: UInt64(context.flags.rawValue), digits: 2))",
        ]
    }
}
