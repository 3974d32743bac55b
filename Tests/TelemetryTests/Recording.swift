import Kernel
import Synchronization
import Testing

@testable import Telemetry

/// Switches spans on, once for all tests; each test has traces of its own.
enum Recording {
    static let isOn: Bool = {
        do { try Telemetry.configure(Telemetry.Configuration()) } catch { return false }
        return true
    }()

    /// Runs `body` under a new root and gives the spans of its trace, by name.
    static func spans(_ body: (OpenSpan) throws -> Void) rethrows -> [String: RecordedSpan] {
        #expect(isOn)
        let root = Telemetry.start(.httpServer, name: "root", parent: nil)
        try root.run { try body(root) }
        root.end()
        return byName(root)
    }

    /// Runs `body` under a new root and gives the spans of its trace, by name.
    static func spans(_ body: (OpenSpan) async throws -> Void) async rethrows -> [String: RecordedSpan] {
        #expect(isOn)
        let root = Telemetry.start(.httpServer, name: "root", parent: nil)
        try await root.run { try await body(root) }
        root.end()
        return byName(root)
    }

    private static func byName(_ root: OpenSpan) -> [String: RecordedSpan] {
        Dictionary(Telemetry.store.spans(trace: root.context.traceID).map { ($0.name, $0) }) { _, last in last }
    }
}

/// A span made by hand, for encoders and views.
func fixedSpan(
    _ name: String, id: UInt64, parent: UInt64? = nil, start: UInt64, end: UInt64?,
    status: RecordedSpan.Status = .unset, attributes: [Attribute] = [], phase: Phase? = nil,
    parentIsRemote: Bool = false
) throws -> RecordedSpan {
    let traceID = try #require(TraceID("0af7651916cd43dd8448eb211c80319c"))
    return RecordedSpan(
        context: TraceContext(traceID: traceID, spanID: try #require(SpanID(id)), flags: [.sampled, .random]),
        parentID: parent.flatMap { SpanID($0) }, parentIsRemote: parentIsRemote, phase: phase, name: name,
        kind: .internal,
        handle: nil, start: start, end: end, anchor: ClockAnchor(offset: 1_000_000_000_000_000_000),
        attributes: attributes,
        droppedAttributes: 0, events: [], droppedEvents: 0, links: [], droppedLinks: 0, status: status)
}

extension OpenSpan {
    /// The span as it goes to the metrics and the exporters; nil until it has ended, or when it is not kept any more.
    var ended: EndedSpan? {
        let record = context.scope.record(context.ordinal)
        return record?.end == nil ? nil : record.map { EndedSpan(record: $0, scope: context.scope) }
    }
}
