import Testing

@testable import apron

@Suite struct ValueTests {
    @Test(arguments: [
        ("0", 0.0), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("1m0.5s", 60.5),
        (".5s", 0.5), ("+1s", 1), ("1us", 0.000001), ("1\u{b5}s", 0.000001),
    ]) func durationIsReadAsGoDoes(_ text: String, _ seconds: Double) {
        #expect(GoDuration.parse(text) == .nanoseconds(Int64((seconds * 1e9).rounded())))
    }

    @Test(arguments: ["", "5", "s", "-1s", "1 s", "1d", "1h-1m", ".s", "+", "99999999999h", "5m5"])
    func otherDurationIsRefused(_ text: String) {
        #expect(GoDuration.parse(text) == nil)
    }

    @Test(arguments: ["0s", "30s", "5m0s", "1h30m0s", "0.25s"]) func durationIsWrittenAsGoDoes(_ text: String) throws {
        #expect(GoDuration.text(try #require(GoDuration.parse(text))) == text)
    }

    @Test(
        arguments: [
            ("1", 1), ("4096", 4096), ("512M", 512 << 20), ("2GiB", 2 << 30), ("2gb", 2 << 30), ("1.5K", 1536),
            ("1T", 1 << 40),
            ("7B", 7),
        ] as [(String, UInt64)]) func sizeIsRead(_ text: String, _ bytes: UInt64)
    {
        #expect(ByteSize(text)?.bytes == bytes)
    }

    @Test(arguments: ["", "0", "M", "-1", "1X", "1MM", "1e3", "1.2.3", "9223372036854775807K", "0.1", " 1"])
    func otherSizeIsRefused(_ text: String) {
        #expect(ByteSize(text) == nil)
    }

    @Test(
        arguments: [
            ("1.2.3.4", [1, 2, 3, 4]), ("0.0.0.0", [0, 0, 0, 0]),
            ("::", [UInt8](repeating: 0, count: 16)), ("::1", [UInt8](repeating: 0, count: 15) + [1]),
            ("fd9c:31a6:c759::", [0xfd, 0x9c, 0x31, 0xa6, 0xc7, 0x59] + [UInt8](repeating: 0, count: 10)),
            ("1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]),
            ("::ffff:1.2.3.4", [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4]),
        ] as [(String, [UInt8])]) func addressIsRead(_ text: String, _ bytes: [UInt8])
    {
        #expect(InternetAddress(text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "a.b.c.d", ":", ":::", "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "fe80::1%eth0", "g::", "::1.2.3.4:5",
    ]) func otherAddressIsRefused(_ text: String) {
        #expect(InternetAddress(text) == nil)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "/8", "::/129", "10.0.0.0/+8", "10.0.0.0/8/8"])
    func otherBlockIsRefused(_ text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
