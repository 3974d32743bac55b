/// A span as its scope keeps it, from its begin on. Who writes to the span holds an ``OpenSpan``.
struct SpanRecord: Sendable {
    // Tens of thousands are kept, beside each other; in this order each takes 96 bytes.

    let spanID: SpanID
    /// When it began, in nanoseconds of CLOCK_BOOTTIME.
    let start: UInt64
    var name: String
    private(set) var attributes = AttributeList()
    /// Its number among all spans that its scope has ever had.
    let ordinal: UInt32
    /// How many spans of this process are above.
    let depth: UInt16
    let flags: TraceFlags
    let phase: Phase?
    let kind: RecordedSpan.Kind
    let parentIsRemote: Bool
    /// Whether it stays when it has ended.
    let isKept: Bool
    let parentID: SpanID?
    /// When it ended, in nanoseconds of CLOCK_BOOTTIME.
    var end: UInt64?
    /// What nearly no span has; the array has one element, and is a box with the semantics of a value.
    private var extras: [Extras]?

    /// Everything but ids, name, times and attributes.
    private struct Extras {
        var events: [RecordedSpan.Event] = []
        var links: [Link] = []
        var status = RecordedSpan.Status.unset
        var droppedEvents = 0
        var droppedLinks = 0
    }

    /// A span that begins.
    @inline(__always)
    init(
        spanID: SpanID, start: UInt64, name: String, ordinal: UInt32, depth: UInt16, flags: TraceFlags, phase: Phase?,
        kind: RecordedSpan.Kind, parentIsRemote: Bool, isKept: Bool, parentID: SpanID?
    ) {
        self.spanID = spanID
        self.start = start
        self.name = name
        self.ordinal = ordinal
        self.depth = depth
        self.flags = flags
        self.phase = phase
        self.kind = kind
        self.parentIsRemote = parentIsRemote
        self.isKept = isKept
        self.parentID = parentID
    }

    /// The context of what is below it.
    func context(in scope: TraceScope) -> TraceContext {
        TraceContext(spanID: spanID, flags: flags, scope: scope, ordinal: ordinal, depth: depth)
    }

    /// Whether its trace is exported.
    var isSampled: Bool { flags.contains(.sampled) }

    /// How it went.
    var status: RecordedSpan.Status { extras?[0].status ?? .unset }
}

/// How a span changes: limits, and which status wins.
extension SpanRecord {
    mutating func set(_ attribute: consuming Attribute) { attributes.set(attribute) }

    mutating func take(_ list: inout AttributeList) { attributes.take(&list) }

    /// Ends it; gives the memory that it takes from now on.
    mutating func end(at instant: UInt64) -> Int {
        end = instant
        return size
    }

    mutating func append(_ event: RecordedSpan.Event) {
        withExtras { extras in
            guard extras.events.count < SpanLimits.events else {
                extras.droppedEvents += 1
                return
            }
            var event = event
            event.attributes = event.attributes.limited(to: SpanLimits.attributesPerEvent)
            extras.events.append(event)
        }
    }

    mutating func append(_ link: Link) {
        withExtras { extras in
            guard extras.links.count < SpanLimits.links else {
                extras.droppedLinks += 1
                return
            }
            var link = link
            link.attributes = link.attributes.limited(to: SpanLimits.attributesPerLink)
            extras.links.append(link)
        }
    }

    mutating func set(_ new: RecordedSpan.Status) {
        switch (status, new) {
        case (.ok, _), (_, .unset): return
        case (_, .error(let type, let text)):
            withExtras { $0.status = .error(type, text.cut(toBytes: SpanLimits.valueBytes)) }
            set(Attribute("error.type", .string(type)))
        case (_, .ok):
            withExtras { $0.status = .ok }
        }
    }

    mutating func set(_ failure: SpanFailure) {
        if status == .ok { return }
        set(.error(failure.type, failure.description))
        for attribute in failure.attributes { set(attribute) }
    }

    private mutating func withExtras(_ body: (inout Extras) -> Void) {
        var changed = extras.take() ?? [Extras()]
        body(&changed[0])
        extras = changed
    }
}

/// What a span says.
extension SpanRecord {
    /// About how many bytes it takes in memory.
    var size: Int {
        // With the room that arrays have to grow.
        var size = 180 + name.utf8.count + attributes.size
        guard let extras = extras?[0] else { return size }
        size += 200
        for event in extras.events { size += 48 + event.attributes.reduce(0) { $0 + 48 + $1.value.heapSize } }
        for link in extras.links { size += 96 + link.attributes.reduce(0) { $0 + 48 + $1.value.heapSize } }
        if case .error(let type, let text) = extras.status { size += type.utf8.count + text.utf8.count }
        return size
    }

    /// All that is known about it, for others.
    func recorded(in scope: TraceScope, handle: String?) -> RecordedSpan {
        let extras = extras?[0] ?? Extras()
        return RecordedSpan(
            context: context(in: scope), parentID: parentID, parentIsRemote: parentIsRemote, phase: phase, name: name,
            kind: kind, handle: handle, start: start, end: end, anchor: scope.anchor,
            attributes: attributes.attributes, droppedAttributes: Int(attributes.dropped),
            events: extras.events, droppedEvents: extras.droppedEvents, links: extras.links,
            droppedLinks: extras.droppedLinks, status: extras.status)
    }
}

extension [Attribute] {
    fileprivate func limited(to count: Int) -> [Attribute] {
        prefix(count).map { Attribute($0.key, $0.value.limited) }
    }
}
