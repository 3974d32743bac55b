internal import Telemetry

/// Metrics as an `ExportMetricsServiceRequest` in protobuf (opentelemetry-proto 1.x: collector/metrics/v1, metrics/v1).
///
/// Sums and histograms are cumulative since the snapshot's start unless their family says since when else. What is
/// always 1 is left out: the resource says it.
enum MetricsRequest {
    /// About what a family of ours takes; for reserving room.
    private static let familyBytes = 2000

    /// One request with all metrics under one resource and scope; empty when there are none.
    static func encode(_ snapshot: MetricSnapshot, resource: Resource) -> [UInt8] {
        let families = snapshot.exportedFamilies
        if families.isEmpty { return [] }
        var request = ProtobufWriter(capacity: families.count * familyBytes)
        request.message(1) { resourceMetrics in
            resourceMetrics.message(1) { $0.attributes(1, resource.attributes) }
            resourceMetrics.message(2) { scopeMetrics in
                scopeMetrics.message(1) { scope in scope.string(1, Resource.scopeName) }
                for family in families { scopeMetrics.message(2) { $0.metric(family, snapshot) } }
                scopeMetrics.string(3, OTLPJSON.schemaURL)
            }
            resourceMetrics.string(3, OTLPJSON.schemaURL)
        }
        return request.bytes
    }
}

extension ProtobufWriter {
    fileprivate mutating func metric(_ family: MetricSnapshot.Family, _ snapshot: MetricSnapshot) {
        string(1, family.conventionalName)
        string(2, family.help)
        if let unit = family.unitCode { string(3, unit) }
        switch family.kind {
        case .info: break
        case .gauge: message(5) { $0.points(family, snapshot) }
        case .counter:
            message(7) { sum in
                sum.points(family, snapshot)
                sum.varint(2, UInt64(family.temporalityCode))
                sum.varint(3, 1)
            }
        case .histogram:
            message(9) { histogram in
                histogram.points(family, snapshot)
                histogram.varint(2, UInt64(family.temporalityCode))
            }
        }
    }

    private mutating func points(_ family: MetricSnapshot.Family, _ snapshot: MetricSnapshot) {
        for point in family.points {
            message(1) { message in
                if family.kind != .gauge { message.fixed64(2, family.since ?? snapshot.start) }
                message.fixed64(3, snapshot.time)
                switch point.reading {
                case .number(let value):
                    message.double(4, value)
                    message.attributes(7, point.attributes)
                case .histogram(let histogram):
                    message.histogram(histogram)
                    message.attributes(9, point.attributes)
                }
            }
        }
    }

    private mutating func histogram(_ histogram: MetricSnapshot.Histogram) {
        fixed64(4, histogram.count)
        double(5, histogram.sum)
        packedFixed64(6, histogram.counts)
        packedFixed64(7, histogram.bounds.map(\.bitPattern))
        for case .some(let exemplar) in histogram.exemplars {
            message(8) { message in
                message.fixed64(2, exemplar.time)
                message.double(3, exemplar.value)
                message.bigEndian(4, exemplar.spanID.value)
                message.bigEndian(5, exemplar.traceID.high, exemplar.traceID.low)
            }
        }
    }
}
