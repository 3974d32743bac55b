import Foundation
import TestSupport
import Testing

@testable import Telemetry

/// The text that Prometheus reads, byte for byte.
@Suite struct MetricExpositionTests {
    private func text(_ families: [MetricSnapshot.Family], _ format: Exposition.Format) -> String {
        String(decoding: Exposition.text(MetricSnapshot(families: families, start: 0, time: 0), format), as: UTF8.self)
    }

    private func family(
        _ name: String, _ kind: MetricKind, _ readings: [([MetricSnapshot.Label], MetricSnapshot.Reading)],
        help: String = "Help."
    ) -> MetricSnapshot.Family {
        .init(name: name, kind: kind, help: help, points: readings.map { .init(labels: $0.0, reading: $0.1) })
    }

    @Test func nothingIsNothing() {
        #expect(text([], .prometheus) == "")
        #expect(text([], .openMetrics) == "# EOF\n")
    }

    @Test func labelsAndHelpAreEscaped() {
        let families = [
            family(
                "a", .gauge, [([.init("x.y", "a\\b\"c\nd ä"), .init("empty", "")], .number(1))],
                help: "back\\slash, \"quote\"\nnext")
        ]
        let sample = #"a{x_y="a\\b\"c\nd ä"} 1"# + "\n"
        #expect(
            text(families, .prometheus)
                == #"# HELP a back\\slash, "quote"\nnext"# + "\n# TYPE a gauge\n" + sample)
        #expect(
            text(families, .openMetrics)
                == #"# HELP a back\\slash, \"quote\"\nnext"# + "\n# TYPE a gauge\n" + sample + "# EOF\n")
    }

    @Test(
        arguments: [
            (0, "0"), (-0.0, "0"), (1.5, "1.5"), (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (9_007_199_254_740_991, "9007199254740991"), (0x1p53, "9007199254740992.0"), (1e300, "1e+300"),
            (.leastNonzeroMagnitude, "5e-324"), (-3, "-3"),
        ] as [(Double, String)])
    func numbersReadBackTheSame(value: Double, written: String) {
        #expect(text([family("a", .gauge, [([], .number(value))])], .prometheus).hasSuffix("a \(written)\n"))
        #expect(value.isNaN || Double(written) == value)
    }

    @Test func countersAndInfoHaveAFamilyNameInOpenMetrics() {
        let families = [
            family("a_seconds_total", .counter, [([], .number(2.5))]),
            family("b_info", .info, [([.init("v", "1")], .number(1))]),
        ]
        #expect(
            text(families, .prometheus)
                == """
                # HELP a_seconds_total Help.
                # TYPE a_seconds_total counter
                a_seconds_total 2.5
                # HELP b_info Help.
                # TYPE b_info gauge
                b_info{v="1"} 1

                """)
        #expect(
            text(families, .openMetrics)
                == """
                # HELP a_seconds Help.
                # TYPE a_seconds counter
                # UNIT a_seconds seconds
                a_seconds_total 2.5
                # HELP b Help.
                # TYPE b info
                b_info{v="1"} 1
                # EOF

                """)
    }

    @Test func bucketsAreAddedUpAndHaveExemplarsInOpenMetricsOnly() throws {
        let exemplar = MetricExemplar(
            traceID: try #require(TraceID("0af7651916cd43dd8448eb211c80319c")),
            spanID: try #require(SpanID("b7ad6b7169203331")), value: 0.75, time: 1_700_000_000_007_900_000)
        let histogram = MetricSnapshot.Histogram(
            bounds: [0.5, 1], counts: [2, 1, 4], sum: 9.25, exemplars: [nil, exemplar, nil])
        let families = [family("a_seconds", .histogram([0.5, 1]), [([.init("phase", "nat")], .histogram(histogram))])]
        let tail = """
            a_seconds_bucket{phase="nat",le="+Inf"} 7
            a_seconds_sum{phase="nat"} 9.25
            a_seconds_count{phase="nat"} 7

            """
        #expect(
            text(families, .prometheus)
                == """
                # HELP a_seconds Help.
                # TYPE a_seconds histogram
                a_seconds_bucket{phase="nat",le="0.5"} 2
                a_seconds_bucket{phase="nat",le="1.0"} 3

                """ + tail)
        let trace = #"# {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.75 1700000000.007"#
        #expect(
            text(families, .openMetrics)
                == """
                # HELP a_seconds Help.
                # TYPE a_seconds histogram
                # UNIT a_seconds seconds
                a_seconds_bucket{phase="nat",le="0.5"} 2
                a_seconds_bucket{phase="nat",le="1.0"} 3 \(trace)

                """ + tail + "# EOF\n")
    }

    @Test func aLibrarysLabelCannotBreakTheText() {
        let labels: [MetricSnapshot.Label] = [.init("le", "1"), .init("a.b", "x"), .init("a-b", "y"), .init("", "z")]
        #expect(
            text([family("a", .gauge, [(labels, .number(1))])], .prometheus).hasSuffix(
                #"a{label_le="1",a_b="x",_="z"} 1"# + "\n"))
    }

    @Test(
        arguments: [
            (nil, .prometheus),
            ("", .prometheus),
            ("*/*", .prometheus),
            ("text/plain", .prometheus),
            ("application/openmetrics-text", .openMetrics),
            ("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=utf-8", .openMetrics),
            ("application/openmetrics-text;version=2.0.0", .prometheus),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                .openMetrics
            ),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.3", .prometheus),
            ("application/openmetrics-text;q=0.3, text/plain;q=0.2", .openMetrics),
            ("application/openmetrics-text;q=0", .prometheus),
            ("application/openmetrics-text;q=nonsense", .prometheus),
            ("text/html;q=1, ,;;=,", .prometheus),
        ] as [(String?, Exposition.Format)])
    func theClientChooses(accept: String?, format: Exposition.Format) {
        #expect(Exposition.Format(accept: accept) == format)
    }

    /// Prometheus' own tool knows the text and finds nothing to mend in the names.
    @Test func promtoolIsContent() throws {
        let registry = MetricRegistry()
        for metric in Metric.allCases {
            let labels = metric.labels.map { "\($0) \"\\\n" }
            switch metric.kind {
            case .counter: registry.count(metric, labels)
            case .histogram: registry.observe(metric, labels, 0.3)
            case .gauge, .info: registry.add { $0.add(metric, labels, 1) }
            }
        }
        let scratch = try Scratch()
        try Data(Exposition.text(registry.snapshot(), .prometheus)).write(
            to: URL(fileURLWithPath: "\(scratch.path)/metrics"))
        let said = try runProgram("sh", "-c", "cat \(scratch.path)/metrics | promtool check metrics 2>&1")
        #expect(said.filter { !$0.isWhitespace } == "")
    }
}
