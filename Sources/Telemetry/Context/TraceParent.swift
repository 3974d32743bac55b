/// The `traceparent` header (W3C Trace Context level 2, §3.2): `version-traceid-parentid-flags`, 55 characters.
extension TraceContext {
    /// The context that a caller sent.
    ///
    /// An invalid `traceparent` gives nil and leaves `tracestate` unread. An invalid `tracestate` never hurts
    /// `traceparent`.
    /// - Parameters:
    ///   - traceparent: the values of all headers of that name, in order; more than one is invalid
    ///   - tracestate: the values of all headers of that name, in order
    public init?(traceparent: [String], tracestate: [String]) {
        guard traceparent.count == 1, let parent = TraceParent(traceparent[0]) else { return nil }
        self.init(
            traceID: parent.traceID, spanID: parent.spanID, flags: parent.flags,
            state: TraceState(tracestate)?.header ?? "", isRemote: true)
    }

    /// The header value to send: version 00, unknown flags cleared.
    public var traceparent: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(TraceParent.length)
        bytes.append(contentsOf: "00-".utf8)
        bytes.append(lowerHex: traceID.high, digits: 16)
        bytes.append(lowerHex: traceID.low, digits: 16)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(lowerHex: spanID.value, digits: 16)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(lowerHex: UInt64(flags.intersection(.known).rawValue), digits: 2)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The `tracestate` value to send, cut to what has to be passed on, or nil when there is none.
    public var tracestate: String? {
        guard let cut = TraceState([state])?.header(atMost: TraceState.lengthMax), !cut.isEmpty else { return nil }
        return cut
    }
}

/// The four fields of a `traceparent` value.
struct TraceParent {
    let traceID: TraceID
    let spanID: SpanID
    let flags: TraceFlags

    /// The length of version 00, and the least length of every later one.
    static let length = 55

    /// Reads one header value, or gives nil when it is invalid in any way.
    init?(_ value: String) {
        let bytes = Array(value.utf8.trimmingBlanks)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= Self.length, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = UInt64(lowerHex: bytes[0..<2]), version != 0xFF
        else { return nil }
        // A later version may append fields, after another dash; version 00 may not.
        if bytes.count > Self.length && (version == 0 || bytes[Self.length] != dash) { return nil }
        guard let high = UInt64(lowerHex: bytes[3..<19]), let low = UInt64(lowerHex: bytes[19..<35]),
            let parent = UInt64(lowerHex: bytes[36..<52]), let flags = UInt64(lowerHex: bytes[53..<55]),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(parent)
        else { return nil }
        self.traceID = traceID
        self.spanID = spanID
        self.flags = TraceFlags(rawValue: UInt8(flags))
    }
}

extension BidirectionalCollection<UInt8> {
    /// Without the spaces and tabs at both ends (RFC 9110 OWS).
    var trimmingBlanks: SubSequence {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}
