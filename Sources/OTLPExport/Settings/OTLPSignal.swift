/// What is sent to a collector.
public enum OTLPSignal: String, Sendable, CaseIterable {
    /// Spans.
    case traces
    /// Metrics.
    case metrics

    /// Where collectors take it beneath a base address (OTLP 1.x, "OTLP/HTTP Request").
    var path: String { "v1/\(rawValue)" }

    /// Where collectors take it by gRPC (opentelemetry-proto 1.x: collector/trace/v1, collector/metrics/v1).
    var grpcPath: String {
        switch self {
        case .traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        }
    }
}
