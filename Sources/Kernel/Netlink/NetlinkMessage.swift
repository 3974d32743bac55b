internal import CKernel

/// One message received from the kernel.
struct NetlinkMessage {
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    /// What follows the header.
    let payload: ArraySlice<UInt8>

    /// Takes the first message off `bytes`; nil when there is no whole one.
    init?(next bytes: inout ArraySlice<UInt8>) {
        guard let length = UInt32(hostBytes: bytes),
            length >= NetlinkPacket.headerLength, length <= bytes.count,
            let type = UInt16(hostBytes: bytes.dropFirst(4)),
            let flags = UInt16(hostBytes: bytes.dropFirst(6)),
            let sequence = UInt32(hostBytes: bytes.dropFirst(8))
        else { return nil }
        self.type = type
        self.flags = flags
        self.sequence = sequence
        payload = bytes.prefix(Int(length)).dropFirst(NetlinkPacket.headerLength)
        bytes = bytes.dropFirst((Int(length) + 3) & ~3)
    }

    /// The attributes that follow a fixed part of `length` bytes.
    func attributes(after length: Int) -> NetlinkAttributes { NetlinkAttributes(payload.dropFirst((length + 3) & ~3)) }

    /// The number and the kernel's sentence of an NLMSG_ERROR, or of an NLMSG_DONE; nil for success.
    var failure: (errno: ErrorNumber, text: String?)? {
        guard let code = Int32(hostBytes: payload), code != 0 else { return nil }
        var text: String?
        if type == UInt16(NLMSG_ERROR), flags & UInt16(NLM_F_ACK_TLVS) != 0 {
            // The failed request follows the number: only its header with NETLINK_CAP_ACK, otherwise all of it.
            let echoed = UInt32(hostBytes: payload.dropFirst(4)) ?? 0
            let length = flags & UInt16(NLM_F_CAPPED) != 0 ? NetlinkPacket.headerLength : Int(echoed)
            text = attributes(after: 4 + length)[Int(NLMSGERR_ATTR_MSG.rawValue)]?.text
        }
        return (ErrorNumber(rawValue: -code), text)
    }
}

/// The attributes of a message, or of an attribute that nests others.
struct NetlinkAttributes: Sequence {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The value of the first attribute of a type.
    subscript(type: Int) -> ArraySlice<UInt8>? { first { $0.type == type }?.value }

    /// The type and value of each attribute, in order; a malformed rest ends the sequence.
    func makeIterator() -> AnyIterator<(type: Int, value: ArraySlice<UInt8>)> {
        var rest = bytes
        return AnyIterator {
            guard let length = UInt16(hostBytes: rest), length >= 4, length <= rest.count,
                let type = UInt16(hostBytes: rest.dropFirst(2))
            else { return nil }
            let value = rest.prefix(Int(length)).dropFirst(4)
            rest = rest.dropFirst((Int(length) + 3) & ~3)
            // The two highest bits say "nested" and "network byte order", which each type implies anyway.
            return (Int(type & 0x3fff), value)
        }
    }
}

extension ArraySlice<UInt8> {
    /// The text up to the first zero byte.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }

    /// A number in network byte order; nil when there are too few bytes.
    var networkUInt32: UInt32? { UInt32(hostBytes: self).map { UInt32(bigEndian: $0) } }
}
