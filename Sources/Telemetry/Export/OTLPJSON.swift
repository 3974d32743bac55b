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
    private static let spanBytes = 800
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
        object { json in
            json.identity(span.context)
            if let parent = span.parentID {
                json.key("parentSpanId")
                json.hex(parent.value)
            }
            json.flags(span.context.flags, isRemote: span.parentIsRemote)
            json.key("name")
            json.string(span.name)
            json.key("kind")
            json.number(span.kind.rawValue)
            json.time("startTimeUnixNano", span.start, span.anchor)
            if let end = span.end { json.time("endTimeUnixNano", end, span.anchor) }
            json.attributes(span.exportedAttributes)
            json.count("droppedAttributesCount", span.droppedAttributes)
            json.events(span)
            json.links(span)
            json.status(span.status)
        }
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

    private mutating func identity(_ context: TraceContext) {
        key("traceId")
        hex(context.traceID.high, context.traceID.low)
        key("spanId")
        hex(context.spanID.value)
        if !context.state.isEmpty {
            key("traceState")
            string(context.state)
        }
    }

    /// Bits 0–7 as in `traceparent`, bit 8: it is known whether the context is remote, bit 9: it is.
    private mutating func flags(_ flags: TraceFlags, isRemote: Bool) {
        key("flags")
        number(Int(flags.rawValue) | 0x100 | (isRemote ? 0x200 : 0))
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
            for attribute in attributes {
                json.object { json in
                    json.key("key")
                    json.string(attribute.key.name)
                    json.key("value")
                    json.value(attribute.value)
                }
            }
        }
    }

    /// A value is one of several members, so that `false`, `0` and `""` have to be written.
    private mutating func value(_ value: AttributeValue) {
        object { json in
            switch value {
            case .int(let number):
                json.key("intValue")
                json.longNumber(number)
            case .double(let number):
                json.key("doubleValue")
                json.double(number)
            case .bool(let flag):
                json.key("boolValue")
                json.bool(flag)
            case .string(let text):
                json.key("stringValue")
                json.string(text)
            case .strings(let texts):
                json.key("arrayValue")
                json.object { json in
                    json.key("values")
                    json.array { json in
                        for text in texts { json.value(.string(text)) }
                    }
                }
            }
        }
    }
}

extension RecordedSpan {
    /// The attributes as they leave: those that were set, the phase and the handle, and whether the span is still open.
    public var exportedAttributes: [Attribute] {
        var result: [Attribute] = []
        result.reserveCapacity(attributes.count + 3)
        result += attributes
        func add(_ key: AttributeKey, _ value: AttributeValue) {
            if self[key] == nil { result.append(Attribute(key, value)) }
        }
        if let phase { add("apron.phase", .string(phase.rawValue)) }
        if let handle { add("container.id", .string(handle)) }
        if isUnfinished { add("apron.unfinished", .bool(true)) }
        return result
    }
}
