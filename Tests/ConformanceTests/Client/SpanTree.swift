import TestSupport
import Testing

/// The spans of a container or a volume, as the worker tells them.
struct SpanTree {
    struct Span {
        let json: JSON
        var name: String { json["name"].string ?? "" }
        var id: String { json["spanId"].string ?? "" }
        var traceID: String { json["traceId"].string ?? "" }
        var parentID: String? { json["parentSpanId"].string.flatMap { $0.isEmpty ? nil : $0 } }
        /// 2 is a request served (OTLP).
        var kind: Int { json["kind"].integer ?? 0 }
        var isOpen: Bool { json["endTimeUnixNano"].isNull }
        var start: UInt64 { UInt64(json["startTimeUnixNano"].string ?? "") ?? 0 }
        var end: UInt64 { UInt64(json["endTimeUnixNano"].string ?? "") ?? 0 }
        var events: [String] { json["events"].list.compactMap { $0["name"].string } }
        var linkedSpans: [String] { json["links"].list.compactMap { $0["spanId"].string } }
        /// 2 is an error (OTLP).
        var statusCode: Int { json["status"]["code"].integer ?? 0 }

        /// An attribute as text.
        subscript(key: String) -> String? {
            guard let value = json["attributes"].list.first(where: { $0["key"].string == key })?["value"] else {
                return nil
            }
            return value["stringValue"].string ?? value["intValue"].string
                ?? (value["boolValue"].value as? Bool).map { $0 ? "true" : "false" }
                ?? value["doubleValue"].value.map { "\($0)" }
        }
    }

    let spans: [Span]

    init(_ garden: Garden, _ handle: String) throws {
        self.init(try garden.ask("GET", "/containers/\(handle)/trace"))
    }

    init(_ volumes: Baggageclaim, _ handle: String) throws {
        self.init(try volumes.ask("GET", "/volumes/\(handle)/trace", expect: 200))
    }

    /// The spans as soon as the first of this name has ended. What a reply is about may be told before its spans end.
    static func whenEnded(_ name: String, _ garden: Garden, _ handle: String) throws -> SpanTree {
        try eventually("\(name) of \(handle) to end") {
            let tree = try SpanTree(garden, handle)
            return tree.first(name)?.isOpen == false ? tree : nil
        }
    }

    private init(_ document: JSON) {
        spans = document["resourceSpans"].list.flatMap { $0["scopeSpans"].list }.flatMap { $0["spans"].list }
            .map { Span(json: $0) }
    }

    func all(_ name: String) -> [Span] { spans.filter { $0.name == name } }
    func first(_ name: String) -> Span? { spans.first { $0.name == name } }
    func children(of span: Span) -> [Span] { spans.filter { $0.parentID == span.id }.sorted { $0.start < $1.start } }
    func childNames(of span: Span) -> [String] { children(of: span).map(\.name) }
}

/// Lets time pass where the passing itself is what is tested.
func runSleep(seconds: Int) throws { try runProgram("sleep", "\(seconds)") }
