public import ServiceContextModule
public import Tracing

/// A span that a library opened.
public struct ApronTracerSpan: Tracing.Span {
    /// The caller's context with this span in it.
    public let context: ServiceContext

    private let span: OpenSpan

    init(_ span: OpenSpan, context: ServiceContext) {
        self.span = span
        self.context = context
    }

    /// The span's name.
    public var operationName: String {
        get { span.recorded.name }
        nonmutating set { span.rename(newValue) }
    }

    /// The attributes. What is set is added to those that are there, so that two tasks do not undo each other's
    /// changes; hence an attribute can be replaced but not removed.
    public var attributes: SpanAttributes {
        get {
            var attributes = SpanAttributes()
            for attribute in span.recorded.attributes {
                attributes[attribute.key.name] = SpanAttribute(attribute.value)
            }
            return attributes
        }
        nonmutating set { span.set(newValue.converted) }
    }

    /// Whether what is written is kept.
    public var isRecording: Bool { span.isRecording && !span.isEnded }

    /// Says how it went.
    public func setStatus(_ status: SpanStatus) {
        switch status.code {
        case .ok: span.status(.ok)
        // `_OTHER` is what the conventions have where nothing is known about the type.
        case .error where !span.recorded.status.isError: span.status(.error("_OTHER", status.message ?? ""))
        case .error: break
        }
    }

    /// Notes what happened.
    public func addEvent(_ event: SpanEvent) {
        let time = ClockAnchor.current.bootTime(unixTime: event.nanosecondsSinceEpoch)
        span.event(event.name, at: time, attributes: event.attributes.converted)
    }

    /// Marks the span as failed.
    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        span.fail(error)
        span.set(attributes.converted)
    }

    /// Relates the span to another one, if that one has a context of a trace.
    public func addLink(_ link: SpanLink) {
        guard let other = link.context.traceContext else { return }
        span.link(Link(other, attributes: link.attributes.converted))
    }

    /// Ends the span.
    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        span.end(at: bootTime(of: instant()))
    }
}

extension SpanAttributes {
    /// The attributes in our types; converted when they are set, since a value may be computed from what changes later.
    fileprivate var converted: [Attribute] {
        var result: [Attribute] = []
        forEach { key, value in result.append(Attribute(AttributeKey(composed: key), value.converted)) }
        return result.sorted { $0.key.name < $1.key.name }
    }
}

extension SpanAttribute {
    fileprivate init(_ value: AttributeValue) {
        self =
            switch value {
            case .int(let number): .int64(number)
            case .double(let number): .double(number)
            case .bool(let flag): .bool(flag)
            case .string(let text): .string(text)
            case .strings(let texts): .stringArray(texts)
            }
    }

    fileprivate var converted: AttributeValue {
        switch self {
        case .int32(let number): .int(Int64(number))
        case .int64(let number): .int(number)
        case .double(let number): .double(number)
        case .bool(let flag): .bool(flag)
        case .string(let text): .string(text)
        case .stringArray(let texts): .strings(texts)
        case .stringConvertible(let value): .string("\(value)")
        case .int32Array(let numbers): .strings(numbers.map { "\($0)" })
        case .int64Array(let numbers): .strings(numbers.map { "\($0)" })
        case .doubleArray(let numbers): .strings(numbers.map { "\($0)" })
        case .boolArray(let flags): .strings(flags.map { "\($0)" })
        case .stringConvertibleArray(let values): .strings(values.map { "\($0)" })
        default: .string("")
        }
    }
}
