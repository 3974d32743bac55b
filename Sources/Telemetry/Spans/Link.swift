/// A relation to a span that is not the parent.
public struct Link: Hashable, Sendable, Codable {
    /// The other span.
    public var context: TraceContext
    /// What is known about the relation; `apron.link.type` says which it is.
    public var attributes: [Attribute]

    /// Relates to another span.
    /// - Parameters:
    ///   - context: the other span
    ///   - type: created_by, started_by, process, origin_volume, previous_run or joined
    ///   - attributes: what else is known
    public init(_ context: TraceContext, type: String? = nil, attributes: [Attribute] = []) {
        self.context = context
        self.attributes = (type.map { [Attribute("apron.link.type", .string($0))] } ?? []) + attributes
    }
}
