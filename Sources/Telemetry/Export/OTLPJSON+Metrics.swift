extension OTLPJSON {
    /// One object `{"resourceMetrics":[…]}` without a line break; no resource at all when there are no metrics.
    ///
    /// Sums and histograms are cumulative since the snapshot's start unless their family says since when else. What is
    /// always 1 is left out: the resource says it.
    public static func encode(_ snapshot: MetricSnapshot, resource: Resource) -> [UInt8] {
        let families = snapshot.exportedFamilies
        var json = JSONWriter(capacity: families.count * familyBytes)
        json.object { json in
            json.key("resourceMetrics")
            json.array { json in
                if families.isEmpty { return }
                json.enveloped("scopeMetrics", "metrics", resource) { json in
                    for family in families { json.metric(family, snapshot) }
                }
            }
        }
        return json.bytes
    }

    /// About what a family of ours takes; for reserving room.
    private static let familyBytes = 4000
}

extension MetricSnapshot {
    /// What is sent by OTLP: what has series, but for what says something by labels alone.
    public var exportedFamilies: [Family] { families.filter { $0.kind != .info && !$0.points.isEmpty } }
}

extension MetricSnapshot.Family {
    /// AGGREGATION_TEMPORALITY_DELTA or AGGREGATION_TEMPORALITY_CUMULATIVE.
    public var temporalityCode: Int { since == nil ? 2 : 1 }

    /// The unit as OTLP has it (UCUM).
    public var unitCode: String? {
        switch unit {
        case "seconds": "s"
        case "bytes": "By"
        default: nil
        }
    }
}

extension MetricSnapshot.Point {
    /// The labels as OTLP has them: empty ones are none, and the one that the conventions have as a number is one.
    public var attributes: [Attribute] {
        labels.filter { !$0.value.isEmpty }.map { label in
            let key = AttributeKey(composed: label.name)
            if label.name == "http.response.status_code", let status = Int64(label.value) {
                return Attribute(key, .int(status))
            }
            return Attribute(key, .string(label.value))
        }
    }
}

extension JSONWriter {
    fileprivate mutating func metric(_ family: MetricSnapshot.Family, _ snapshot: MetricSnapshot) {
        object { json in
            json.key("name")
            json.string(family.conventionalName)
            json.key("description")
            json.string(family.help)
            if let unit = family.unitCode {
                json.key("unit")
                json.string(unit)
            }
            switch family.kind {
            case .info: break
            case .gauge:
                json.key("gauge")
                json.object { $0.points(family, snapshot) }
            case .counter:
                json.key("sum")
                json.object { json in
                    json.points(family, snapshot)
                    json.key("aggregationTemporality")
                    json.number(family.temporalityCode)
                    json.key("isMonotonic")
                    json.bool(true)
                }
            case .histogram:
                json.key("histogram")
                json.object { json in
                    json.points(family, snapshot)
                    json.key("aggregationTemporality")
                    json.number(family.temporalityCode)
                }
            }
        }
    }

    private mutating func points(_ family: MetricSnapshot.Family, _ snapshot: MetricSnapshot) {
        key("dataPoints")
        array { json in
            for point in family.points {
                json.object { json in
                    if family.kind != .gauge {
                        json.key("startTimeUnixNano")
                        json.longNumber(family.since ?? snapshot.start)
                    }
                    json.key("timeUnixNano")
                    json.longNumber(snapshot.time)
                    switch point.reading {
                    case .number(let value):
                        json.key("asDouble")
                        json.double(value)
                    case .histogram(let histogram): json.histogram(histogram)
                    }
                    json.attributes(point.attributes)
                }
            }
        }
    }

    private mutating func histogram(_ histogram: MetricSnapshot.Histogram) {
        key("count")
        longNumber(histogram.count)
        key("sum")
        double(histogram.sum)
        key("bucketCounts")
        array { json in
            for count in histogram.counts { json.longNumber(count) }
        }
        key("explicitBounds")
        array { json in
            for bound in histogram.bounds { json.double(bound) }
        }
        let exemplars = histogram.exemplars.compactMap(\.self)
        if exemplars.isEmpty { return }
        key("exemplars")
        array { json in
            for exemplar in exemplars { json.exemplar(exemplar) }
        }
    }

    private mutating func exemplar(_ exemplar: MetricExemplar) {
        object { json in
            json.key("timeUnixNano")
            json.longNumber(exemplar.time)
            json.key("asDouble")
            json.double(exemplar.value)
            json.key("spanId")
            json.hex(exemplar.spanID.value)
            json.key("traceId")
            json.hex(exemplar.traceID.high, exemplar.traceID.low)
        }
    }
}
