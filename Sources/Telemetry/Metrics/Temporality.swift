/// From when on the counters and histograms that are sent count (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE).
/// Gauges say how things are in any case.
public enum Temporality: String, Sendable, CaseIterable {
    /// From the begin of the process.
    case cumulative
    /// From where the former ones end.
    case delta
    /// As `delta` for what is counted here; as `cumulative` for what is read from elsewhere, such as the kernel's
    /// counters.
    case lowmemory
}

extension MetricSnapshot {
    /// What a receiver with this preference gets, after it got a former snapshot of the same metrics or none. A series
    /// in which nothing was counted since then is left out where it would say nought.
    public func since(_ former: MetricSnapshot?, _ temporality: Temporality) -> MetricSnapshot {
        if temporality == .cumulative { return self }
        let earlier = Dictionary((former?.families ?? []).map { ($0.name, $0) }) { first, _ in first }
        var change = self
        change.families = families.map { family in
            switch family.kind {
            case .gauge, .info: return family
            case .counter where family.isRead && temporality == .lowmemory: return family
            case .counter, .histogram: break
            }
            var family = family
            let known = Dictionary((earlier[family.name]?.points ?? []).map { ($0.labels, $0.reading) }) { first, _ in
                first
            }
            // A clock that was set back must not make an interval that ends before it begins.
            family.since = min(former?.time ?? start, time)
            family.points = family.points.compactMap { point in
                let reading = point.reading.since(known[point.labels])
                return reading.map { Point(labels: point.labels, reading: $0) }
            }
            return family
        }
        return change
    }
}

extension MetricSnapshot.Reading {
    /// What was counted since a former reading; nil when that is nothing. What has become less began anew.
    fileprivate func since(_ former: MetricSnapshot.Reading?) -> MetricSnapshot.Reading? {
        switch (self, former) {
        case (.number(let now), .number(let then)) where now >= then:
            return now == then ? nil : .number(now - then)
        case (.histogram(let now), .histogram(let then)) where now.continues(then):
            return now.counts == then.counts ? nil : .histogram(now.since(then))
        case (.number(let now), _): return now == 0 ? nil : self
        case (.histogram(let now), _): return now.count == 0 ? nil : self
        }
    }
}

extension MetricSnapshot.Histogram {
    /// Whether it holds all that a former one held.
    fileprivate func continues(_ former: MetricSnapshot.Histogram) -> Bool {
        bounds == former.bounds && zip(counts, former.counts).allSatisfy { $0 >= $1 }
    }

    /// What was observed since a former one; exemplars that were sent before stand for nothing new.
    fileprivate func since(_ former: MetricSnapshot.Histogram) -> MetricSnapshot.Histogram {
        MetricSnapshot.Histogram(
            bounds: bounds, counts: zip(counts, former.counts).map { $0 - $1 }, sum: sum - former.sum,
            exemplars: zip(exemplars, former.exemplars).map { $0 == $1 ? nil : $0 })
    }
}
