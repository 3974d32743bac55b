import API
import Glibc
import Synchronization
import Testing
import Worker

/// Archives into and out of volumes, with clients and archivers that misbehave.
@Suite(.timeLimit(.minutes(2)))
struct VolumeStreamTests {
    private static let head = "PUT /volumes/v/stream-in?path=a%2Fb HTTP/1.1\r\nHost: w\r\nContent-Encoding: zstd\r\n"

    /// Sends pieces of a body whose length is open.
    private func sendChunks(_ client: WireClient, _ count: Int, size: Int = 1 << 20, sent: Progress? = nil) async throws
    {
        let piece =
            Array("\(String(size, radix: 16))\r\n".utf8) + [UInt8](repeating: 7, count: size) + Array("\r\n".utf8)
        for _ in 0..<count {
            try Task.checkCancellation()
            try await client.send(piece)
            sent?.add(size)
        }
    }

    @Test func aFragmentedBodyArrivesWhole() async throws {
        try await withVolumes { server, volumes in
            let client = try await server.connect()
            try await client.sendBytewise(
                Self.head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n")
            let response = try await client.response()
            #expect(response.status == "HTTP/1.1 204 No Content")
            let transfer = try #require(volumes.transfer)
            #expect(transfer.peek { String(decoding: $0.bytes, as: UTF8.self) } == "abcdefg")
            #expect(transfer.events == ["finish"])
            #expect(transfer.peek { $0.statistics?.encodedBytes } == 7)
            #expect(volumes.peek { $0.calls } == ["in v a/b zstd"])
            // The connection is good for more.
            #expect(try await client.call("GET", "/volumes/v").status == "HTTP/1.1 200 OK")
        }
    }

    @Test func anEmptyBodyIsAnEmptyArchive() async throws {
        try await withVolumes { server, volumes in
            let response = try await server.call("PUT", "/volumes/v/stream-in", "", headers: ["Content-Encoding: raw"])
            #expect(response.status == "HTTP/1.1 204 No Content")
            #expect(volumes.peek { $0.calls } == ["in v  raw"])
            #expect(volumes.transfer?.events == ["finish"])
        }
    }

    @Test(arguments: [false, true])
    func aClientThatVanishesInTheMiddleCancels(_ resets: Bool) async throws {
        try await withVolumes { server, volumes in
            for framing in ["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
                let client = try await server.connect()
                try await client.send(Self.head + framing)
                try await eventually { volumes.transfer?.count == 3 }
                if resets { try await client.reset() } else { try await client.close() }
                try await eventually { volumes.transfer?.events.isEmpty == false }
                let events = try #require(volumes.transfer?.events)
                #expect(events.count == 1)
                #expect(events[0].hasPrefix("cancel client has gone after 3 bytes: "))
                volumes.set { $0.transfers = [] }
            }
        }
    }

    @Test func aBadArchiveIsToldAtOnce() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.endsAfter = 1
                $0.script.error = VolumeError(.badArchive, "entry usr/bin: checksum at byte 512")
            }
            let client = try await server.connect()
            try await client.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
            // The client never ends by itself.
            let sender = Task { try await sendChunks(client, 10_000) }
            let response = try await client.response()
            #expect(response.status == "HTTP/1.1 400 Bad Request")
            #expect(response.headers["connection"] == "close")
            #expect(
                response.body
                    == #"{"error":"failed to stream in to volume: entry usr/bin: checksum at byte 512"}"# + "\n")
            sender.cancel()
            try await client.close()
            _ = try? await sender.value
            #expect(volumes.transfer?.events == ["finish"])
            #expect(try await server.call("GET", "/volumes/v").status == "HTTP/1.1 200 OK")
        }
    }

    @Test(arguments: [("v", "204 No Content"), ("w", "404 Not Found")])
    func theRestOfABodyThatNobodyWantsIsDropped(_ handle: String, _ status: String) async throws {
        try await withVolumes { server, volumes in
            volumes.set { $0.script.endsAfter = 1 }
            let client = try await server.connect()
            let head = Self.head.replacing("/v/", with: "/\(handle)/")
            try await client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            let sender = Task { try await sendChunks(client, 10_000) }
            let response = try await client.response()
            #expect(response.status == "HTTP/1.1 \(status)")
            #expect(response.headers["connection"] == "close")
            sender.cancel()
            try await client.close()
            _ = try? await sender.value
        }
    }

    @Test(arguments: [
        ("2", "2MB", 2 << 20), ("2.5", "2MB", 5 << 19), ("0.000010", "10B", 10), ("1e-1", "104857B", 104_857),
    ])
    func tooMuchIsRefused(_ limit: String, _ text: String, _ bytes: Int) async throws {
        try await withVolumes { server, volumes in
            let body = String(repeating: "x", count: bytes)
            let headers = ["Content-Encoding: raw"]
            let path = "/volumes/v/stream-in?path=.&limit=\(limit)"
            #expect(try await server.call("PUT", path, body, headers: headers).status == "HTTP/1.1 204 No Content")
            let response = try await server.call("PUT", path, body + "x", headers: headers)
            #expect(response.status == "HTTP/1.1 403 Forbidden")
            #expect(response.body == "{\"error\":\"exceeded volume streaming limit of \(text)\"}\n")
            #expect(volumes.transfer?.events == ["cancel exceeded volume streaming limit of \(text)"])
        }
    }

    @Test(arguments: ["0.000000", "0", "inf", "1e300"])
    func someLimitsAreNone(_ limit: String) async throws {
        try await withVolumes { server, _ in
            let response = try await server.call(
                "PUT", "/volumes/v/stream-in?limit=\(limit)", "abc", headers: ["Content-Encoding: s2"])
            #expect(response.status == "HTTP/1.1 204 No Content")
        }
    }

    @Test func aHundredMegabytesGoInAtTheArchiversPace() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.pausesAfter = 1
                $0.script.keeps = false
            }
            let client = try await server.connect()
            try await client.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
            let sent = Progress()
            let sender = Task {
                try await sendChunks(client, 100, sent: sent)
                try await client.send("0\r\n\r\n")
            }
            try await sent.standsStill()
            // The sockets' buffers are full, and nothing piles up behind them.
            #expect(sent.value < 32 << 20)
            try #require(volumes.transfer).resume()
            try await sender.value
            #expect(try await client.response().status == "HTTP/1.1 204 No Content")
            #expect(volumes.transfer?.count == 100 << 20)
            #expect(volumes.transfer?.peek { $0.statistics?.encodedBytes } == 100 << 20)
        }
    }

    @Test func anArchiveComesOutChunked() async throws {
        try await withVolumes { server, volumes in
            let client = try await server.connect()
            try await client.request("PUT", "/volumes/v/stream-out?path=.%2Fx", headers: ["Accept-Encoding: gzip"])
            let head = try await client.head()
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.contains("Transfer-Encoding: chunked"))
            #expect(!head.contains("Content-Encoding"))
            #expect(!head.contains("Content-Type"))
            let (body, isComplete) = unchunk(try await client.restBytes())
            #expect(String(decoding: body, as: UTF8.self) == "an archive")
            #expect(isComplete)
            #expect(volumes.transfer?.events == ["finish"])
            #expect(volumes.transfer?.peek { $0.statistics?.encodedBytes } == 10)
            #expect(volumes.peek { $0.calls } == ["out v ./x gzip"])
        }
    }

    @Test func aFailureBeforeTheFirstByteIsAnError() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.endsAfter = 0
                $0.script.error = VolumeError(.failed, "openat x: i/o error (EIO)")
            }
            let response = try await server.call("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            #expect(response.status == "HTTP/1.1 500 Internal Server Error")
            #expect(response.body == #"{"error":"failed to stream out from volume: openat x: i/o error (EIO)"}"# + "\n")
        }
    }

    @Test func aLateFailureCutsTheBody() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.length = 1 << 20
                $0.script.endsAfter = 1 << 19
                $0.script.error = VolumeError(.failed, "read x: i/o error (EIO)")
            }
            let client = try await server.connect()
            try await client.request("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            #expect(try await client.head().hasPrefix("HTTP/1.1 200 OK\r\n"))
            let bytes = try await client.restBytes()
            let (body, isComplete) = unchunk(bytes)
            #expect(!isComplete)
            #expect(body.count >= 1 << 19)
            #expect(bytes.firstRange(of: Array("error".utf8)) == nil)
            #expect(volumes.transfer?.events == ["finish"])
        }
    }

    @Test(arguments: [false, true])
    func aClientThatHasSeenEnoughCancels(_ resets: Bool) async throws {
        try await withVolumes { server, volumes in
            volumes.set { $0.script.length = 1 << 30 }
            let client = try await WireClient.connect(port: server.port, reads: false)
            try await client.request("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            try await eventually { (volumes.transfer?.count ?? 0) > 0 }
            if resets { try await client.reset() } else { try await client.close() }
            try await eventually { volumes.transfer?.events.isEmpty == false }
            let events = try #require(volumes.transfer?.events)
            #expect(events.count == 1)
            #expect(events[0].hasPrefix("cancel receiver has gone "))
        }
    }

    @Test func aHundredMegabytesComeOutAtTheClientsPace() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.content = (0..<251).map { UInt8($0) }
                $0.script.length = 100 << 20
            }
            let client = try await WireClient.connect(port: server.port, reads: false)
            try await client.request("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            try await eventually { (volumes.transfer?.count ?? 0) > 0 }
            let given = Progress { volumes.transfer?.count ?? 0 }
            try await given.standsStill()
            #expect(given.value < 32 << 20)
            try await client.startReading()
            _ = try await client.head()
            let (body, isComplete) = unchunk(try await client.restBytes())
            #expect(isComplete)
            #expect(body.count == 100 << 20)
            // Every byte is the one 251 before it.
            let repeats = body.withUnsafeBytes { memcmp($0.baseAddress!, $0.baseAddress! + 251, body.count - 251) == 0 }
            #expect(repeats)
            #expect(body.prefix(251).elementsEqual((0..<251).map { UInt8($0) }))
        }
    }

    @Test func aStreamUnderWayIsGivenTheDrainTime() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.script.length = 1 << 20
                $0.script.pausesAfter = 1 << 16
            }
            let client = try await server.connect()
            try await client.request("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            _ = try await client.head()
            let idle = try await server.connect()
            #expect(try await idle.call("GET", "/volumes/v").status == "HTTP/1.1 200 OK")
            await server.shutDown()
            // The shutdown has reached the connections when idle ones are closed.
            #expect(try await idle.rest() == "")
            try #require(volumes.transfer).resume()
            #expect(unchunk(try await client.restBytes()).isComplete)
        }
    }

    @Test func aStreamThatDoesNotEndIsCutAfterTheDrainTime() async throws {
        try await withVolumes(drainTime: .milliseconds(20)) { server, volumes in
            volumes.set {
                $0.script.length = 1 << 20
                $0.script.pausesAfter = 1 << 16
            }
            let client = try await server.connect()
            try await client.request("PUT", "/volumes/v/stream-out", headers: ["Accept-Encoding: raw"])
            _ = try await client.head()
            await server.shutDown()
            #expect(!unchunk(try await client.restBytes()).isComplete)
            try await eventually { volumes.transfer?.events.count == 1 }
            #expect(volumes.transfer?.events.first?.hasPrefix("cancel ") == true)
        }
    }

    @Test func anOldClientGetsTheBytesThemselves() async throws {
        try await withVolumes { server, _ in
            let client = try await server.connect()
            try await client.send("PUT /volumes/v/stream-out HTTP/1.0\r\nAccept-Encoding: raw\r\n\r\n")
            _ = try await client.head()
            #expect(try await client.rest() == "an archive")
        }
    }
}

/// A count that grows and, some time, no more.
final class Progress: Sendable {
    private let count = Atomic<Int>(0)
    private let source: (@Sendable () -> Int)?

    init(_ source: (@Sendable () -> Int)? = nil) { self.source = source }

    var value: Int { source?() ?? count.load(ordering: .relaxed) }

    func add(_ count: Int) { self.count.add(count, ordering: .relaxed) }

    /// Returns when nothing was added for a while; a busy machine can only make it return too early.
    func standsStill() async throws {
        var last = -1
        var repeats = 0
        while repeats < 20 {
            try await Task.sleep(for: .milliseconds(20))
            repeats = value == last ? repeats + 1 : 0
            last = value
        }
    }
}
