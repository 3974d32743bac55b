import HTTPTypes
import Testing

@testable import API

/// Where requests end, in any split.
struct FramingTests {
    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: g\r\n\r\n",
        "GET / HTTP/1.1\nHost: g\n\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-LENGTH:  5 \r\n\r\nabcde",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\na\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n0\r\nT: 1\r\n\r\n",
    ])
    func requestsEndWhereTheyEnd(_ request: String) {
        let bytes = Array(request.utf8)
        let behind = Array("{\"x\":1}".utf8)
        for split in 0...bytes.count {
            var framing = RequestFraming()
            #expect(framing.consume(Array(bytes.prefix(split))) == split)
            #expect(framing.isComplete == (split == bytes.count))
            #expect(framing.consume(Array(bytes.dropFirst(split)) + behind) == bytes.count - split)
            #expect(framing.isComplete)
        }
    }

    @Test func whatIsNotUnderstoodIsPassedOn() {
        var framing = RequestFraming()
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET / HTTP/1.1\r\n\r\n"
        #expect(framing.consume(Array(text.utf8)) == text.utf8.count)
        #expect(!framing.isComplete)
        var endless = RequestFraming()
        let line = [UInt8](repeating: 0x41, count: 200_000)
        #expect(endless.consume(line) == line.count)
        #expect(endless.consume(Array("\r\n\r\nrest".utf8)) == 8)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func datesAreWrittenAsHTTPWantsThem(_ second: UInt64, _ text: String) {
        #expect(HTTPDate.text(ofUnixTime: second) == text)
    }

    @Test func durationsAreWrittenAsGoWritesThem() {
        #expect(goText(.seconds(300)) == "5m0s")
        #expect(goText(.seconds(3661)) == "1h1m1s")
        #expect(goText(.milliseconds(1500)) == "1.500s")
    }

    @Test func routesAreFoundByMethodAndShape() {
        let route = Route(.get, "/a/:x/b") { _ in .empty }
        let table = RouteTable([RouteGroup(routes: [route], errorReply: ErrorTable.reply)])
        guard case .route(_, _, let parameters) = table.match(.get, path: "/a/%41+1/b") else {
            Issue.record("not found")
            return
        }
        #expect(parameters == ["x": "A 1"])
        for path in ["", "a/1/b", "/a//b", "/a/1/b/", "/a/1/c", "/A/1/b"] {
            guard case .unknown = table.match(.get, path: path) else {
                Issue.record("\(path) matches")
                continue
            }
        }
    }
}
