internal import Telemetry

/// Spans as an `ExportTraceServiceRequest` in protobuf (opentelemetry-proto 1.x: collector/trace/v1, trace/v1).
///
/// The numbers of fields stand beside their names in that repository; they never change there.
enum TraceRequest {
    /// About what a span of ours takes; for reserving room.
    private static let spanBytes = 400

    /// One request with all spans under one resource and scope; empty when there are no spans.
    static func encode(_ spans: ArraySlice<RecordedSpan>, resource: Resource) -> [UInt8] {
        if spans.isEmpty { return [] }
        var request = ProtobufWriter(capacity: spans.count * spanBytes)
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { $0.attributes(1, resource.attributes) }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) { scope in scope.string(1, Resource.scopeName) }
                for span in spans { scopeSpans.message(2) { $0.span(span) } }
                scopeSpans.string(3, OTLPJSON.schemaURL)
            }
            resourceSpans.string(3, OTLPJSON.schemaURL)
        }
        return request.bytes
    }

    /// How much of a request makes sense, from its beginning, and how many spans are in that.
    static func check(_ request: [UInt8]) -> (bytes: Int, spans: Int) {
        var reader = ProtobufReader(request[...])
        var (good, spans) = (0, 0)
        while case .bytes(1, let resourceSpans) = reader.next() {
            guard let count = countSpans(in: resourceSpans) else { break }
            spans += count
            good = reader.position
        }
        return (good, spans)
    }

    /// The spans in a `ResourceSpans`, nil when it is none.
    private static func countSpans(in bytes: ArraySlice<UInt8>) -> Int? {
        var count = 0
        let isGood = ProtobufReader.readAll(bytes) { field in
            guard case .bytes(2, let scopeSpans) = field else { return true }
            return ProtobufReader.readAll(scopeSpans) { field in
                guard case .bytes(2, let span) = field else { return true }
                count += 1
                var ids = 0
                let isGood = ProtobufReader.readAll(span) { field in
                    if case .bytes(1, let id) = field, id.count == 16 { ids += 1 }
                    if case .bytes(2, let id) = field, id.count == 8 { ids += 1 }
                    return true
                }
                return isGood && ids == 2
            }
        }
        return isGood ? count : nil
    }
}

extension ProtobufWriter {
    fileprivate mutating func span(_ span: RecordedSpan) {
        let context = span.context
        bigEndian(1, context.traceID.high, context.traceID.low)
        bigEndian(2, context.spanID.value)
        if !context.state.isEmpty { string(3, context.state) }
        if let parent = span.parentID { bigEndian(4, parent.value) }
        string(5, span.name)
        varint(6, UInt64(span.kind.rawValue))
        fixed64(7, span.anchor.unixTime(span.start))
        if let end = span.end { fixed64(8, span.anchor.unixTime(end)) }
        attributes(9, span.attributes)
        span.forEachAddedAttribute { attribute(9, $0, $1) }
        count(10, span.droppedAttributes)
        for event in span.events {
            message(11) { message in
                message.fixed64(1, span.anchor.unixTime(event.time))
                message.string(2, event.name)
                message.attributes(3, event.attributes)
            }
        }
        count(12, span.droppedEvents)
        for link in span.links {
            message(13) { message in
                message.bigEndian(1, link.context.traceID.high, link.context.traceID.low)
                message.bigEndian(2, link.context.spanID.value)
                if !link.context.state.isEmpty { message.string(3, link.context.state) }
                message.attributes(4, link.attributes)
                message.fixed32(6, OTLPFlags.of(link.context.flags, isRemote: link.context.isRemote))
            }
        }
        count(14, span.droppedLinks)
        status(span.status)
        fixed32(16, OTLPFlags.of(context.flags, isRemote: span.parentIsRemote))
    }

    private mutating func status(_ status: RecordedSpan.Status) {
        switch status {
        case .unset: break
        case .ok: message(15) { $0.varint(3, 1) }
        case .error(_, let text):
            message(15) { message in
                message.string(2, text)
                message.varint(3, 2)
            }
        }
    }

    private mutating func count(_ field: UInt64, _ count: Int) {
        if count > 0 { varint(field, UInt64(count)) }
    }

    /// Key-value pairs, each a message of its own.
    mutating func attributes(_ field: UInt64, _ attributes: [Attribute]) {
        for attribute in attributes { self.attribute(field, attribute.key, attribute.value) }
    }

    private mutating func attribute(_ field: UInt64, _ key: AttributeKey, _ value: AttributeValue) {
        message(field) { pair in
            pair.string(1, key.name)
            pair.message(2) { $0.value(value) }
        }
    }

    /// A value is one of several members, so that `false`, `0` and `""` are written.
    private mutating func value(_ value: AttributeValue) {
        switch value {
        case .string(let text): string(1, text)
        case .bool(let flag): varint(2, flag ? 1 : 0)
        case .int(let number): int64(3, number)
        case .double(let number): double(4, number)
        case .strings(let texts):
            message(5) { list in
                for text in texts { list.message(1) { $0.string(1, text) } }
            }
        }
    }
}

/// A span's or link's flags: bits 0–7 as in `traceparent`, bit 8: it is known whether the context is remote, bit 9: it
/// is.
enum OTLPFlags {
    static func of(_ flags: TraceFlags, isRemote: Bool) -> UInt32 {
        UInt32(flags.rawValue) | 0x100 | (isRemote ? 0x200 : 0)
    }
}
