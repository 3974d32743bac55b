import Testing

@testable import Kernel

@Suite struct NetlinkMessageTests {
    @Test func failureCarriesTheKernelsSentence() throws {
        let text = Array("unknown device type".utf8) + [0]
        let body: [UInt8] =
            Int32(-95).hostBytes  // EOPNOTSUPP
            + [UInt8](repeating: 0, count: 16)  // header of the request
            + UInt16(4 + text.count).hostBytes + UInt16(1).hostBytes + text  // NLMSGERR_ATTR_MSG
        var bytes = message(type: 2, flags: 0x300, body)[...]  // NLMSG_ERROR; NLM_F_CAPPED, NLM_F_ACK_TLVS
        let parsed = try #require(NetlinkMessage(next: &bytes))
        let failure = try #require(parsed.failure)
        #expect(failure.errno == .notSupported)
        #expect(failure.text == "unknown device type")
        #expect(bytes.isEmpty)
    }

    @Test func zeroIsNoFailure() throws {
        var bytes = message(type: 2, flags: 0, Int32(0).hostBytes)[...]
        #expect(try #require(NetlinkMessage(next: &bytes)).failure == nil)
    }

    @Test func truncatedMessagesAreRefused() {
        let whole = message(type: 16, flags: 0, [1, 2, 3, 4])
        for length in 0..<whole.count {
            var bytes = whole[..<length]
            #expect(NetlinkMessage(next: &bytes) == nil, "length \(length)")
        }
    }

    @Test func attributesEndWhereTheyAreMalformed() {
        let good: [UInt8] = UInt16(5).hostBytes + UInt16(1).hostBytes + [0xaa, 0, 0, 0]
        let tooLong: [UInt8] = UInt16(200).hostBytes + UInt16(2).hostBytes
        let tooShort: [UInt8] = UInt16(3).hostBytes + UInt16(3).hostBytes
        for rest in [tooLong, tooShort, [1]] {
            let attributes = NetlinkAttributes((good + rest)[...])
            #expect(attributes.map(\.type) == [1])
            #expect(attributes[1] == [0xaa])
            #expect(attributes[2] == nil)
        }
    }

    @Test func flagsAreNoPartOfAnAttributesType() {
        let nested: [UInt8] = UInt16(4).hostBytes + UInt16(0x8000 | 18).hostBytes
        #expect(NetlinkAttributes(nested[...])[18]?.isEmpty == true)
    }

    private func message(type: UInt16, flags: UInt16, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(16 + body.count).hostBytes
        return length + type.hostBytes + flags.hostBytes + UInt32(7).hostBytes + UInt32(0).hostBytes + body
    }
}
