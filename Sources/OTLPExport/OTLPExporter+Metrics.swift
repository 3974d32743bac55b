public import Telemetry

extension OTLPExporter {
    /// What became of the spans, for the metrics of the process.
    public var metricSource: MetricSource {
        { [self] readings in
            let (statistics, componentType) = (statistics, componentType)
            readings.add(.spansExported, [componentType, ""], Double(statistics.exported))
            readings.add(.spansExported, [componentType, "rejected"], Double(statistics.rejected))
            for loss in ExportStatistics.Loss.allCases {
                let count = statistics.dropped[loss, default: 0]
                if count > 0 { readings.add(.spansExported, [componentType, loss.rawValue], Double(count)) }
            }
            let durations = statistics.durations
            readings.set(
                .exportDuration, [componentType],
                MetricSnapshot.Histogram(
                    bounds: ExportStatistics.Durations.bounds, counts: durations.counts, sum: durations.sum,
                    exemplars: durations.counts.map { _ in nil }))
        }
    }

    /// As the semantic conventions call it.
    private var componentType: String {
        switch configuration.transport {
        case .grpc: "otlp_grpc_span_exporter"
        case .protobuf: "otlp_http_span_exporter"
        case .json: "otlp_http_json_span_exporter"
        }
    }
}
