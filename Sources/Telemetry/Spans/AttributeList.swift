/// Attributes of a span in the making, in the order in which they were set first; those beyond the limit are counted.
public struct AttributeList: Sendable {
    private(set) var attributes: [Attribute] = []
    /// How many did not fit.
    private(set) var dropped: UInt32 = 0

    @usableFromInline
    init() {}

    /// Sets an attribute; a second value for the same key replaces the first, and nil sets nothing.
    @inlinable
    @inline(__always)
    public mutating func set(_ key: AttributeKey, _ value: (some AttributeConvertible)?) {
        if let value { set(Attribute(key, value.attributeValue)) }
    }

    @usableFromInline
    mutating func set(_ attribute: consuming Attribute) {
        if !attribute.value.isWithinLimits { attribute.value = attribute.value.limited }
        for index in attributes.indices where attributes[index].key.isSame(as: attribute.key) {
            attributes[index] = attribute
            return
        }
        guard attributes.count < SpanLimits.attributes else {
            dropped &+= 1
            return
        }
        // Most spans have between one and eight; one allocation instead of four.
        if attributes.isEmpty { attributes.reserveCapacity(8) }
        attributes.append(attribute)
    }

    /// Sets all of another list, which has no further use.
    mutating func take(_ others: inout AttributeList) {
        if attributes.isEmpty && dropped == 0 { return swap(&self, &others) }
        dropped &+= others.dropped
        for attribute in others.attributes { set(attribute) }
    }

    /// About how many bytes they take in memory.
    var size: Int {
        var size = 0
        for attribute in attributes { size += MemoryLayout<Attribute>.stride + attribute.value.heapSize }
        return size
    }
}
