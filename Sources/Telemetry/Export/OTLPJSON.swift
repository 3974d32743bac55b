/// Spans as OTLP has them in JSON: ids in hexadecimal, enumerations as numbers, 64-bit numbers as text, names in
/// lowerCamelCase.
public enum OTLPJSON {
    /// The version of the semantic conventions that the names of attributes come from.
    public static let schemaURL = "https://opentelemetry.io/schemas/1.44.0"

    /// One object `{"resourceSpans":[…]}` without a line break; no resource at all when there are no spans.
    ///
    /// A span that is still open has no end and the attribute `apron.unfinished`.
    public static func encode(_ spans: [RecordedSpan], resource: Resource) -> [UInt8] {
        encode(spans[...], resource: resource)
    }

    /// As above, of a part of a batch.
    public static func encode(_ spans: ArraySlice<RecordedSpan>, resource: Resource) -> [UInt8] {
        var json = JSONWriter(capacity: envelopeBytes + spans.count * spanBytes)
        json.object { json in
            json.key("resourceSpans")
            json.array { json in
                if !spans.isEmpty { json.resourceSpans(spans, resource) }
            }
        }
        return json.bytes
    }

    // About what is written; for reserving room.
    private static let envelopeBytes = 1000
    private static let spanBytes = 1200
}

extension JSONWriter {
    fileprivate mutating func resourceSpans(_ spans: ArraySlice<RecordedSpan>, _ resource: Resource) {
        enveloped("scopeSpans", "spans", resource) { json in
            for span in spans { json.span(span) }
        }
    }

    /// What stands around all spans, or all metrics, of one resource and scope.
    mutating func enveloped(
        _ scopes: String, _ members: String, _ resource: Resource, _ body: (inout JSONWriter) -> Void
    ) {
        object { json in
            json.key("resource")
            json.object { $0.attributes(resource.attributes) }
            json.key(scopes)
            json.array { json in
                json.object { json in
                    json.key("scope")
                    json.object { json in
                        json.key("name")
                        json.string(Resource.scopeName)
                    }
                    json.key(members)
                    json.array(body)
                    json.key("schemaUrl")
                    json.string(OTLPJSON.schemaURL)
                }
            }
            json.key("schemaUrl")
            json.string(OTLPJSON.schemaURL)
        }
    }

    private mutating func span(_ span: RecordedSpan) {
        raw("{")
        identity(span.context)
        if let parent = span.parentID {
            raw(",\"parentSpanId\":\"", isMember: false)
            hexDigits(parent.value)
            raw("\"", isMember: false)
        }
        flags(span.context.flags, isRemote: span.parentIsRemote)
        raw(",\"name\":", isMember: false)
        quote(span.name)
        raw(",\"kind\":", isMember: false)
        digits(Int64(span.kind.rawValue))
        raw(",\"startTimeUnixNano\":\"", isMember: false)
        digits(span.anchor.unixTime(span.start))
        if let end = span.end {
            raw("\",\"endTimeUnixNano\":\"", isMember: false)
            digits(span.anchor.unixTime(end))
        }
        raw("\"", isMember: false)
        key("attributes")
        array { json in
            for attribute in span.attributes { json.pair(attribute.key, attribute.value) }
            span.forEachAddedAttribute { key, value in json.pair(key, value) }
        }
        count("droppedAttributesCount", span.droppedAttributes)
        events(span)
        links(span)
        status(span.status)
        raw("}", isMember: false)
    }

    private mutating func events(_ span: RecordedSpan) {
        if !span.events.isEmpty {
            key("events")
            array { json in
                for event in span.events {
                    json.object { json in
                        json.time("timeUnixNano", event.time, span.anchor)
                        json.key("name")
                        json.string(event.name)
                        json.attributes(event.attributes)
                    }
                }
            }
        }
        count("droppedEventsCount", span.droppedEvents)
    }

    private mutating func links(_ span: RecordedSpan) {
        if !span.links.isEmpty {
            key("links")
            array { json in
                for link in span.links {
                    json.object { json in
                        json.identity(link.context)
                        json.attributes(link.attributes)
                        json.flags(link.context.flags, isRemote: link.context.isRemote)
                    }
                }
            }
        }
        count("droppedLinksCount", span.droppedLinks)
    }

    private mutating func status(_ status: RecordedSpan.Status) {
        key("status")
        object { json in
            switch status {
            case .unset: break
            case .ok:
                json.key("code")
                json.number(1)
            case .error(_, let text):
                json.key("message")
                json.string(text)
                json.key("code")
                json.number(2)
            }
        }
    }

    /// The first members of an object.
    private mutating func identity(_ context: TraceContext) {
        raw("\"traceId\":\"", isMember: false)
        hexDigits(context.traceID.high)
        hexDigits(context.traceID.low)
        raw("\",\"spanId\":\"", isMember: false)
        hexDigits(context.spanID.value)
        raw("\"", isMember: false)
        if !context.state.isEmpty {
            key("traceState")
            string(context.state)
        }
    }

    /// Bits 0–7 as in `traceparent`, bit 8: it is known whether the context is remote, bit 9: it is.
    private mutating func flags(_ flags: TraceFlags, isRemote: Bool) {
        raw(",\"flags\":", isMember: false)
        digits(Int64(flags.rawValue) | 0x100 | (isRemote ? 0x200 : 0))
    }

    private mutating func time(_ name: String, _ instant: UInt64, _ anchor: ClockAnchor) {
        key(name)
        longNumber(anchor.unixTime(instant))
    }

    private mutating func count(_ name: String, _ count: Int) {
        if count == 0 { return }
        key(name)
        number(count)
    }

    /// Key-value pairs, each an object of its own.
    mutating func attributes(_ attributes: [Attribute]) {
        key("attributes")
        array { json in
            for attribute in attributes { json.pair(attribute.key, attribute.value) }
        }
    }

    /// Most of a span's text: hence in pieces as long as can be.
    private mutating func pair(_ key: AttributeKey, _ value: AttributeValue) {
        raw("{\"key\":")
        quote(key.name)
        raw(",\"value\":", isMember: false)
        self.value(value)
        raw("}", isMember: false)
    }

    /// A value is one of several members, so that `false`, `0` and `""` have to be written.
    private mutating func value(_ value: AttributeValue) {
        switch value {
        case .int(let number):
            raw("{\"intValue\":\"", isMember: false)
            digits(number)
            raw("\"}", isMember: false)
        case .double(let number):
            raw("{\"doubleValue\":", isMember: false)
            double(number, isMember: false)
            raw("}", isMember: false)
        case .bool(let flag): raw(flag ? "{\"boolValue\":true}" : "{\"boolValue\":false}", isMember: false)
        case .string(let text):
            raw("{\"stringValue\":", isMember: false)
            quote(text)
            raw("}", isMember: false)
        case .strings(let texts):
            raw("{\"arrayValue\":{\"values\":[", isMember: false)
            for (position, text) in texts.enumerated() {
                if position > 0 { raw(",", isMember: false) }
                self.value(.string(text))
            }
            raw("]}}", isMember: false)
        }
    }
}

extension RecordedSpan {
    /// The attributes as they leave: those that were set, and ``addedAttributes``.
    public var exportedAttributes: [Attribute] { attributes + addedAttributes }

    /// What a span says besides the attributes that were set: phase and handle, and whether it is still open.
    public var addedAttributes: [Attribute] {
        var result: [Attribute] = []
        forEachAddedAttribute { result.append(Attribute($0, $1)) }
        return result
    }

    /// As ``addedAttributes``, without a list of them.
    public func forEachAddedAttribute(_ body: (AttributeKey, AttributeValue) -> Void) {
        func add(_ key: AttributeKey, _ value: @autoclosure () -> AttributeValue) {
            if !attributes.contains(where: { $0.key.isSame(as: key) }) { body(key, value()) }
        }
        if let phase { add("apron.phase", .string(phase.rawValue)) }
        if let handle { add("container.id", .string(handle)) }
        if isUnfinished { add("apron.unfinished", .bool(true)) }
    }
}
