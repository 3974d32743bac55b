import Testing

@testable import OTLPExport

@Suite struct ReplyTests {
    @Test(
        "Retry-After in both forms",
        arguments: [
            ("0", 0), ("120", 120_000), (" 3", 3000), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10_000), ("Tue, 29 Feb 2000 00:00:00 GMT", 167_670_623_000),
            ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 99 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 25:49:37 GMT", nil),
            ("99999999999999999999", nil),
        ] as [(String, UInt64?)])
    func retryAfter(text: String, expected: UInt64?) {
        #expect(RetryAfter.milliseconds(text, now: 784_111_777) == expected)
    }

    @Test("an empty partial success is none, in every form") func emptyPartial() {
        for body: [UInt8] in [[], [0x0A, 0], Array("not protobuf".utf8), [0xFF, 0xFF, 0xFF]] {
            #expect(!PartialSuccess(protobuf: body).isWorthAWarning)
            #expect(!PartialSuccess(json: body).isWorthAWarning)
        }
        #expect(!PartialSuccess(json: Array(#"{"partialSuccess":{}}"#.utf8)).isWorthAWarning)
        #expect(PartialSuccess(json: Array(#"{"partialSuccess":{"rejectedSpans":"4"}}"#.utf8)).rejected == 4)
        #expect(PartialSuccess(json: Array(#"{"partialSuccess":{"rejectedSpans":4}}"#.utf8)).rejected == 4)
        #expect(PartialSuccess(json: Array(#"{"partialSuccess":{"errorMessage":"w"}}"#.utf8)).isWorthAWarning)
    }

    @Test("hostile bytes end the reading, not the process") func hostile() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            _ = PartialSuccess(protobuf: bytes)
            _ = GRPCReply.retryDelay(bytes)
            _ = TraceRequest.check(bytes)
        }
        #expect(
            ProtobufReader.readAll([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]) { _ in true }
                == false)
    }
}
