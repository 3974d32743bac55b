internal import CKernel

/// One netlink request as a value: a header, a fixed part that depends on the type, then attributes (netlink(7)).
///
/// Integers are in host byte order unless a method says otherwise; every attribute starts at a multiple of 4 bytes.
public struct NetlinkPacket: Sendable {
    /// The request's name for errors, such as `RTM_NEWLINK`.
    public let name: String
    /// What the request is about, for errors: an interface's name or an address.
    public let subject: String
    private var bytes: [UInt8] = []

    /// The length of `struct nlmsghdr`.
    static let headerLength = 16
    private static let lengthOffset = 0
    private static let sequenceOffset = 8

    /// Starts a request; NLM_F_REQUEST is always set.
    init(_ name: String, type: UInt16, flags: Int32 = NLM_F_ACK, subject: String) {
        self.name = name
        self.subject = subject
        append(UInt32(0))  // length, filled in by encoded(sequence:)
        append(type)
        append(UInt16(NLM_F_REQUEST | flags))
        append(UInt32(0))  // sequence number, filled in by encoded(sequence:)
        append(UInt32(0))  // port: the kernel
    }

    /// The whole message, ready to be sent.
    public func encoded(sequence: UInt32) -> [UInt8] {
        var message = bytes
        message.replace32(at: NetlinkPacket.lengthOffset, with: UInt32(bytes.count))
        message.replace32(at: NetlinkPacket.sequenceOffset, with: sequence)
        return message
    }

    /// Whether the answer is a list that ends with NLMSG_DONE.
    var isDump: Bool { bytes[6...].prefix(2).elementsEqual(UInt16(NLM_F_REQUEST | NLM_F_DUMP).hostBytes) }

    mutating func append(_ value: UInt8) { bytes.append(value) }
    mutating func append(_ value: UInt16) { bytes += value.hostBytes }
    mutating func append(_ value: UInt32) { bytes += value.hostBytes }
    mutating func append(_ value: Int32) { append(UInt32(bitPattern: value)) }

    /// Adds an attribute with these bytes, padded.
    mutating func attribute(_ type: Int, _ value: some Collection<UInt8>) {
        append(UInt16(4 + value.count))
        append(UInt16(type))
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    mutating func attribute(_ type: Int, _ value: UInt8) { attribute(type, CollectionOfOne(value)) }
    mutating func attribute(_ type: Int, _ value: UInt32) { attribute(type, value.hostBytes) }

    /// Adds an attribute with a text that ends with a zero byte.
    mutating func attribute(_ type: Int, _ text: String) { attribute(type, Array(text.utf8) + [0]) }

    /// Adds an attribute whose value is what `body` appends.
    mutating func nested(_ type: Int, _ body: (inout NetlinkPacket) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(type))
        body(&self)
        // What was appended is padded, hence so is this attribute.
        let length = UInt16(bytes.count - start).hostBytes
        bytes[start] = length[0]
        bytes[start + 1] = length[1]
    }
}

extension FixedWidthInteger {
    /// The bytes in the order of this machine, lowest address first.
    var hostBytes: [UInt8] {
        #if _endian(little)
        let ordered = self
        #else
        let ordered = byteSwapped
        #endif
        return (0..<(Self.bitWidth / 8)).map { UInt8(truncatingIfNeeded: ordered >> ($0 * 8)) }
    }

    /// The number whose bytes in the order of this machine these are; nil when there are too few.
    init?(hostBytes: ArraySlice<UInt8>) {
        guard hostBytes.count >= Self.bitWidth / 8 else { return nil }
        var value: Self = 0
        for (index, byte) in hostBytes.prefix(Self.bitWidth / 8).enumerated() {
            value |= Self(truncatingIfNeeded: byte) << (index * 8)
        }
        #if _endian(little)
        self = value
        #else
        self = value.byteSwapped
        #endif
    }
}

extension [UInt8] {
    fileprivate mutating func replace32(at offset: Int, with value: UInt32) {
        replaceSubrange(offset..<(offset + 4), with: value.hostBytes)
    }
}
