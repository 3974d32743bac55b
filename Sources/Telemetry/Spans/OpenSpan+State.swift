/// How an open span changes: limits, and which status wins.
extension OpenSpan.State {
    mutating func set(_ attribute: Attribute) {
        let attribute = attribute.value.isWithinLimits ? attribute : Attribute(attribute.key, attribute.value.limited)
        if let index = attributes.firstIndex(where: { $0.key.isSame(as: attribute.key) }) {
            attributes[index] = attribute
            return
        }
        guard attributes.count < SpanLimits.attributes else {
            withRest { $0.droppedAttributes += 1 }
            return
        }
        // Most spans have between one and eight; one allocation instead of four.
        if attributes.isEmpty { attributes.reserveCapacity(8) }
        attributes.append(attribute)
    }

    mutating func append(_ event: RecordedSpan.Event) {
        withRest { $0.append(event) }
    }

    mutating func append(_ link: Link) {
        withRest { $0.append(link) }
    }

    var status: RecordedSpan.Status { rest?.status ?? .unset }

    mutating func set(_ new: RecordedSpan.Status) {
        switch (status, new) {
        case (.ok, _), (_, .unset): return
        case (_, .error(let type, let text)):
            withRest { $0.status = .error(type, text.cut(toBytes: SpanLimits.valueBytes)) }
            set(Attribute("error.type", .string(type)))
        case (_, .ok):
            withRest { $0.status = .ok }
        }
    }

    mutating func set(_ failure: SpanFailure) {
        if status == .ok { return }
        set(.error(failure.type, failure.description))
        for attribute in failure.attributes { set(attribute) }
    }

    /// About how many bytes the span takes in memory.
    var size: Int {
        // The object, its place in the scope, and the array of attributes.
        var size = 200 + name.utf8.count
        for attribute in attributes { size += MemoryLayout<Attribute>.stride + attribute.value.heapSize }
        if let rest { size += rest.size }
        return size
    }

    private mutating func withRest(_ body: (OpenSpan.Rest) -> Void) {
        let rest = rest ?? OpenSpan.Rest()
        self.rest = rest
        body(rest)
    }
}

extension OpenSpan.Rest {
    fileprivate func append(_ event: RecordedSpan.Event) {
        guard events.count < SpanLimits.events else {
            droppedEvents += 1
            return
        }
        var event = event
        event.attributes = Self.limited(event.attributes, to: SpanLimits.attributesPerEvent)
        events.append(event)
    }

    fileprivate func append(_ link: Link) {
        guard links.count < SpanLimits.links else {
            droppedLinks += 1
            return
        }
        var link = link
        link.attributes = Self.limited(link.attributes, to: SpanLimits.attributesPerLink)
        links.append(link)
    }

    private static func limited(_ attributes: [Attribute], to count: Int) -> [Attribute] {
        attributes.prefix(count).map { Attribute($0.key, $0.value.limited) }
    }

    fileprivate var size: Int {
        var size = 200
        for event in events { size += 48 + event.attributes.reduce(0) { $0 + 48 + $1.value.heapSize } }
        for link in links { size += 96 + link.attributes.reduce(0) { $0 + 48 + $1.value.heapSize } }
        if case .error(let type, let text) = status { size += type.utf8.count + text.utf8.count }
        return size
    }
}
