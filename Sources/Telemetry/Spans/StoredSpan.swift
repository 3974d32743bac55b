/// An open span as it is kept on disk beside the object that it is about, so that it can end under the same id after
/// a restart.
public struct StoredSpan: Codable, Hashable, Sendable {
    /// The span's own context.
    public var context: TraceContext
    /// The parent's id, 16 hexadecimal digits; nil for a root.
    public var parent: String?
    /// Whether the parent lives in another process.
    public var parentIsRemote: Bool
    /// The phase, unless a library opened the span.
    public var phase: Phase?
    /// The name.
    public var name: String
    /// The kind.
    public var kind: RecordedSpan.Kind
    /// The handle that it belongs to.
    public var handle: String?
    /// When it began, in nanoseconds of CLOCK_BOOTTIME of the boot during which it was written.
    public var start: UInt64
    /// When it began, in nanoseconds since the epoch.
    public var unixStart: UInt64
    /// What was known about it.
    public var attributes: [Attribute]
    /// What had happened.
    public var events: [RecordedSpan.Event]
    /// Relations to other spans.
    public var links: [Link]
}

extension OpenSpan {
    /// What to write to disk for ``Telemetry/reopen(_:)``.
    public var stored: StoredSpan {
        let now = recorded
        return StoredSpan(
            context: context, parent: now.parentID?.description, parentIsRemote: now.parentIsRemote,
            phase: phase, name: now.name, kind: now.kind, handle: now.handle, start: start,
            unixStart: now.anchor.unixTime(start),
            attributes: now.attributes,
            events: now.events, links: now.links)
    }
}
