/// The span of a phase, inside the body given to ``traced(_:_:)``. While spans are off it is empty, and every call on
/// it does nothing, without evaluating its arguments.
@frozen
public struct PhaseSpan: Sendable {
    @usableFromInline let open: OpenSpan?

    @inlinable
    @inline(__always)
    init(_ open: OpenSpan?) { self.open = open }

    /// Sets an attribute; the value is computed only when the span is recorded, and nil sets nothing.
    @inlinable
    @inline(__always)
    public func set<Value: AttributeConvertible>(_ key: AttributeKey, _ value: @autoclosure () -> Value?) {
        if open != nil, let value = value() { setValue(key, value.attributeValue) }
    }

    @usableFromInline
    func setValue(_ key: AttributeKey, _ value: AttributeValue) { open?.setValue(key, value) }

    /// Sets several attributes at once, for the price of one: `span.set { $0.set("apron.path", path) }`. The closure
    /// runs only when the span is recorded.
    @inlinable
    @inline(__always)
    public func set(_ attributes: (inout AttributeList) -> Void) {
        if let open { open.set(attributes) }
    }

    /// Notes that something happened now.
    @inlinable
    @inline(__always)
    public func event(_ name: String, _ attributes: @autoclosure () -> [Attribute] = []) {
        if let open { open.event(name, attributes: attributes()) }
    }

    /// Relates the span to another one.
    @inlinable
    @inline(__always)
    public func link(_ link: @autoclosure () -> Link) {
        if let open { open.link(link()) }
    }

    /// Says how it went, without an error thrown.
    @inlinable
    @inline(__always)
    public func status(_ status: @autoclosure () -> RecordedSpan.Status) {
        if let open { open.status(status()) }
    }

    /// Says which container or volume the request is about, for all its spans.
    @inlinable
    @inline(__always)
    public func setHandle(_ handle: @autoclosure () -> String) {
        if let open { open.setHandle(handle()) }
    }

    /// The span's context, to hand to other threads or to disk; the surrounding one while spans are off.
    public var context: TraceContext? { open?.context ?? TraceContext.current }

    /// Whether somebody will see what is set here.
    @inlinable public var isRecording: Bool { open != nil }

    /// Phases that follow each other without a gap, the first from the begin of this span.
    @inlinable
    @inline(__always)
    public func phases() -> PhaseSequence { PhaseSequence(under: open) }
}
