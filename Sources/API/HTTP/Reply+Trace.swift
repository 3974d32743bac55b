internal import Telemetry

extension Reply {
    /// Spans, ended ones and others, as OTLP JSON.
    static func trace(_ spans: [RecordedSpan]) -> Reply {
        var reply = Reply.empty
        reply.body = .bytes(OTLPJSON.encode(spans, resource: Telemetry.resource))
        return reply
    }
}
