import Kernel
import Logging
import Telemetry
import Testing

@testable import OTLPExport

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A span made by hand.
func sample(_ name: String, id: UInt64 = 2) throws -> RecordedSpan {
    RecordedSpan(
        context: TraceContext(
            traceID: try #require(TraceID("0af7651916cd43dd8448eb211c80319c")), spanID: try #require(SpanID(id))),
        name: name, start: 5, end: 1_000_000_005, anchor: ClockAnchor(offset: 1_000_000_000_000_000_000))
}

func samples(_ count: Int, _ prefix: String = "span") throws -> [RecordedSpan] {
    try (0..<count).map { try sample("\(prefix)-\($0)", id: UInt64($0) + 1) }
}

extension RecordedSpan {
    /// With everything else empty.
    init(
        context: TraceContext, name: String, start: UInt64, end: UInt64, anchor: ClockAnchor
    ) {
        let span = Telemetry.start(.process, name: name, parent: nil, start: start)
        self = span.recorded
        self.context = context
        self.name = name
        self.end = end
        self.anchor = anchor
        kind = .internal
        phase = nil
        handle = nil
        parentID = nil
        attributes = []
    }
}

/// A span with one of everything, hostile values among them.
func fullSample() throws -> RecordedSpan {
    var span = try sample("POST /containers", id: 0xB7AD_6B71_6920_3331)
    let other = try #require(SpanID(7))
    span.context = TraceContext(
        traceID: span.context.traceID, spanID: span.context.spanID, state: "a=b,c=d")
    span.parentID = SpanID(1)
    span.parentIsRemote = true
    span.kind = .server
    span.attributes = [
        Attribute("text", .string("ä\u{0}\n\"\\\u{1F600}")), Attribute("empty", .string("")),
        Attribute("long", .string(String(repeating: "x", count: 4000))),
        Attribute("int", .int(.min)), Attribute("zero", .int(0)), Attribute("yes", .bool(true)),
        Attribute("no", .bool(false)), Attribute("double", .double(-0.5)), Attribute("nought", .double(0)),
        Attribute("list", .strings(["a", ""])), Attribute("none", .strings([])),
    ]
    span.droppedAttributes = 3
    span.events = [.init(time: 7, name: "oom_kill", attributes: [Attribute("n", .int(1))])]
    span.droppedEvents = 200
    span.links = [
        Link(
            TraceContext(traceID: span.context.traceID, spanID: other, state: "x=y", isRemote: true), type: "created_by"
        )
    ]
    span.droppedLinks = 70_000
    span.status = .error("EPERM", "mount /x: operation not permitted (EPERM)")
    return span
}
