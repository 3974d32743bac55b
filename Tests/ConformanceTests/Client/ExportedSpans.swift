import Foundation

/// What a worker wrote into its trace file.
struct ExportedSpans {
    let all: [SpanTree.Span]
    private let byID: [String: SpanTree.Span]

    init(_ path: String) throws {
        all = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .flatMap { try JSON(parsing: Array($0.utf8))["resourceSpans"].list }
            .flatMap { $0["scopeSpans"].list }.flatMap { $0["spans"].list }.map { SpanTree.Span(json: $0) }
        byID = Dictionary(all.map { ($0.id, $0) }) { first, _ in first }
    }

    subscript(id: String) -> SpanTree.Span? { byID[id] }

    func trace(_ id: String) -> [SpanTree.Span] { all.filter { $0.traceID == id } }

    func children(of span: SpanTree.Span) -> [SpanTree.Span] {
        all.filter { $0.parentID == span.id }.sorted { $0.start < $1.start }
    }
}

/// The context of a caller, in a trace of its own.
struct CallerTrace: Sendable {
    let traceID = String(UInt64.random(in: 1 << 60...UInt64.max), radix: 16) + "0123456789abcdef"
    let spanID = "00f067aa0ba902b7"

    var headers: [String] { ["traceparent: 00-\(traceID)-\(spanID)-01"] }
}
