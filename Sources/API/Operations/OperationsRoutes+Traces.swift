internal import HTTPTypes
internal import Kernel
internal import Telemetry
internal import Worker

// Spans, as lists, as OTLP JSON and as pictures.
extension OperationsRoutes {
    /// Traces, containers or volumes in one answer of a search.
    private static let foundMax = 100
    /// Spans in one answer; a trace may be that of a whole build.
    static let spansMax = 5000
    /// Columns of a picture: more than the widest terminal has.
    private static let columnsMax = 1000

    /// What a text stands for: traces by id or handle, containers and volumes by handle.
    func search(_ exchange: Exchange) async -> Reply {
        let wanted = exchange.value("q")?.prefix(256).trimmed ?? ""
        if wanted.isEmpty { return .text("search for what? /api/search?q=HANDLE-OR-TRACE-ID", status: .badRequest) }
        let overview = await board.overview()
        let containers = overview.containers.filter { $0.handle.contains(wanted) }
        let volumes = overview.volumes.filter { $0.handle.contains(wanted) }
        let traces = sources.store.traces(matching: wanted, limit: Self.foundMax)
        return .json(
            .object([
                "query": .string(wanted), "containers": .found(containers, Self.foundMax) { $0.json },
                "volumes": .found(volumes, Self.foundMax) { $0.json },
                "traces": .array(traces.map(\.json)),
            ]))
    }

    /// The latest traces; of one handle with `handle`.
    func traces(_ exchange: Exchange) -> Reply {
        let limit = min(exchange.value("limit").flatMap { Int($0) } ?? Self.foundMax, OperationsState.tracesMax)
        guard limit > 0 else { return .text("limit must be a number above 0", status: .badRequest) }
        let traces =
            exchange.value("handle").map { sources.store.traces(matching: $0, limit: limit) }
            ?? sources.store.recentTraces(limit: limit)
        return .json(.object(["traces": .array(traces.map(\.json))]))
    }

    /// The spans of one trace as OTLP JSON, finished or not.
    func trace(_ exchange: Exchange) throws -> Reply {
        let spans = try spans(exchange["traceID"])
        var reply = Reply.ready(
            json: OTLPJSON.encode(Array(spans.prefix(Self.spansMax)), resource: Telemetry.resource))
        reply.headers[HTTPField.Name(known: "X-Apron-Spans")] = "\(spans.count)"
        return reply
    }

    /// One trace as a picture for a terminal: `columns`, `ascii=1`, `colour=1`.
    func waterfall(_ exchange: Exchange) throws -> Reply {
        let spans = try spans(exchange["traceID"])
        let columns = min(exchange.value("columns").flatMap { Int($0) } ?? 100, Self.columnsMax)
        let style = Waterfall.Style(
            columns: columns, isASCII: exchange.value("ascii") == "1", isColoured: exchange.value("colour") == "1")
        let isOpen = spans.contains(where: \.isUnfinished)
        let picture = Waterfall(style).draw(spans, now: isOpen ? bootTime() : nil)
        var reply = Reply(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8"], body: .bytes(Array(picture.utf8)))
        reply.headers[HTTPField.Name(known: "X-Apron-Open")] = isOpen ? "1" : "0"
        return reply
    }

    /// The spans that are open, each with its age: of a handle with `handle`, of a trace with `trace`.
    func openSpans(_ exchange: Exchange) throws -> Reply {
        let trace = try exchange.value("trace").map { try Self.traceID($0) }
        let handle = exchange.value("handle")
        let now = bootTime()
        let spans = sources.store.openSpans(limit: .max).spans.filter {
            (trace == nil || $0.context.traceID == trace) && (handle == nil || $0.handle == handle)
        }
        let aged = spans.prefix(Self.spansMax).map { span in
            var span = span
            span.attributes.append(Attribute("apron.age", .double(Double(now - min(span.start, now)) / 1e9)))
            return span
        }
        return .ready(json: OTLPJSON.encode(aged, resource: Telemetry.resource))
    }

    private func spans(_ text: String) throws -> [RecordedSpan] {
        let spans = sources.store.spans(trace: try Self.traceID(text))
        if spans.isEmpty { throw WorkerError(.containerNotFound, "no span of trace \(text) is kept") }
        return spans
    }

    private static func traceID(_ text: String) throws -> TraceID {
        if let id = TraceID(text.lowercased()) { return id }
        throw WorkerError(.invalid, "a trace id has 32 hexadecimal digits")
    }
}

extension Exchange {
    /// The value of a pair of the query that is not empty.
    fileprivate func value(_ key: String) -> String? {
        query.first { $0.key == key && !$0.value.isEmpty }?.value
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
