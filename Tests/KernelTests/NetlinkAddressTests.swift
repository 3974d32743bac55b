import Kernel
import Testing

@Suite struct NetlinkAddressTests {
    @Test(arguments: ["0.0.0.0", "10.80.0.1", "255.255.255.255", "127.0.0.1"])
    func addressIsReadAndWritten(_ text: String) throws {
        #expect(try #require(IPv4Address(text)).description == text)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", ".1.2.3", "1.2.3.-4", "1.2.3.+4", "01.2.3.4", "1.2.3.4 ",
        "1.2.3.0004", "a.b.c.d", "1..2.3", "::1",
    ])
    func otherTextIsNoAddress(_ text: String) { #expect(IPv4Address(text) == nil) }

    @Test func blockKnowsItsAddresses() throws {
        let block = try #require(CIDR("10.80.0.0/16"))
        #expect(block.count == 65536)
        #expect(block.last.description == "10.80.255.255")
        #expect(block.contains(try #require(IPv4Address("10.80.200.7"))))
        #expect(!block.contains(try #require(IPv4Address("10.81.0.0"))))
    }

    @Test func bitsAfterThePrefixAreDropped() throws {
        #expect(try #require(CIDR("10.80.3.4/16")).description == "10.80.0.0/16")
        #expect(try #require(CIDR("10.80.3.4/0")).description == "0.0.0.0/0")
        #expect(try #require(CIDR("10.80.3.4/32")).count == 1)
    }

    @Test(arguments: [
        "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "/8", "10.0.0/8", "10.0.0.0/8/8",
    ])
    func otherTextIsNoBlock(_ text: String) { #expect(CIDR(text) == nil) }

    @Test(arguments: [
        ("10.0.0.0/8", "10.80.0.0/16", true), ("10.80.0.0/16", "10.80.0.0/16", true),
        ("10.80.0.0/16", "10.81.0.0/16", false), ("0.0.0.0/0", "192.0.2.0/24", true),
    ])
    func overlapIsMutual(_ left: String, _ right: String, _ expected: Bool) throws {
        let (left, right) = (try #require(CIDR(left)), try #require(CIDR(right)))
        #expect(left.overlaps(right) == expected)
        #expect(right.overlaps(left) == expected)
    }

    @Test func hardwareAddressRepeatsTheAddress() throws {
        #expect(EthernetAddress(of: try #require(IPv4Address("10.80.0.2"))).description == "02:61:0a:50:00:02")
    }
}
