import API
import NIOCore
import Testing
import Worker

/// The main connection of a process, from its head to its close.
@Suite(.timeLimit(.minutes(2)))
struct ProcessStreamTests {
    private static let date = "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"

    private func masked(_ head: String) throws -> String {
        head.replacing(try Regex(Self.date), with: "DATE")
    }

    @Test func runAnswersWithTheExactHeadThenRawPayloads() async throws {
        try await withServer { server in
            let (client, head, first) = try await server.open(
                "POST", "/containers/c/processes", #"{"id":"p1","path":"sh","args":["-c","exit 3"],"env":["A=b"]}"#)
            #expect(
                try masked(head)
                    == "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nDate: DATE\r\nTransfer-Encoding: chunked"
            )
            #expect(first == #"{"process_id":"p1","stream_id":"1"}"#)
            server.containers.attachment?.exit(3)
            #expect(try await client.rest() == "{\"process_id\":\"p1\",\"exit_status\":3}\n")
            #expect(server.containers.peek { $0.ran.first?.arguments } == ["-c", "exit 3"])
            try await eventually { server.containers.attachment?.events == ["detach true"] }
        }
    }

    @Test func clientsOfOldHTTPReadToTheEndOfTheConnection() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send("GET /containers/c/processes/p1 HTTP/1.0\r\n\r\n")
            #expect(
                try masked(await client.head())
                    == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: DATE\r\nConnection: close")
            try await eventually { server.containers.attachment != nil }
            server.containers.attachment?.exit(3)
            #expect(
                try await client.rest()
                    == "{\"process_id\":\"p1\",\"stream_id\":\"1\"}\n{\"process_id\":\"p1\",\"exit_status\":3}\n")
        }
    }

    @Test func attachAnswersTwoHundred() async throws {
        try await withServer { server in
            let (client, head, first) = try await server.open("GET", "/containers/c/processes/p1")
            #expect(
                try masked(head)
                    == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: DATE\r\nTransfer-Encoding: chunked")
            #expect(first == #"{"process_id":"p1","stream_id":"1"}"#)
            server.containers.attachment?.set { $0.end = .failure(WorkerError(.failed, "process 1 died")) }
            #expect(try await client.rest() == "{\"process_id\":\"p1\",\"error\":\"process 1 died\"}\n")
        }
    }

    @Test func attachToNobodyIsAnOrdinaryError() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let response = try await client.call("GET", "/containers/c/processes/unknown")
            #expect(response.status == "HTTP/1.1 404 Not Found")
            #expect(response.body.contains(#""Type":"ProcessNotFoundError""#))
            // The connection was not taken and serves on.
            #expect(try await client.call("GET", "/ping").body == "{}\n")
        }
    }

    @Test func payloadsArriveInAnySplit() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.sendBytewise(
                #"{"process_id":"p","source":0,"data":"a\"}{\\\n\u00e9"}{"source":0,"data":"b"} "#
                    + #"{"SOURCE":0,"Data":"\ud83d\ude00\ud83dx\udc00\u0000"}"#)
            try await client.send(
                #"{"process_id":"p","tty":{"window_size":{"columns":90,"rows":20}},"source":0,"data":"no"}"#
                    + #"{"tty":{"window_size":{"columns":7}}}{"tty":{}}{"signal":0}{"source":0,"data":"c","signal":1}"#)
            try await eventually { attachment.input == "a\"}{\\\né" + "b" + "😀\u{FFFD}x\u{FFFD}\u{0}" + "c" }
            #expect(
                attachment.events == ["write", "write", "write", "resize 90x20", "resize 7x0", "signal 15", "write"])
        }
    }

    @Test func signalsAreHonouredAfterTheEndOfInput() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.send(#"{"source":0,"data":"x"}{"process_id":"p","source":0}{"source":0,"data":"late"}"#)
            try await client.send(#"{"source":0}{"signal":1}"#)
            try await eventually { attachment.events == ["write", "eof", "signal 9"] }
            #expect(attachment.input == "x")
            attachment.exit(137)
            #expect(try await client.rest() == "{\"process_id\":\"p\",\"exit_status\":137}\n")
        }
    }

    @Test(arguments: [
        #"{"signal":7}"#, #"{"process_id":"p"}"#, "nonsense", "[1]", #"{"source":0,"data":5}"#, #"{"a":}"#,
    ])
    func whatIsNotUnderstoodEndsTheInputButNotTheProcess(_ payload: String) async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.send(payload + #"{"source":0,"data":"ignored"}"#)
            try await eventually { attachment.events == ["eof"] }
            attachment.exit(0)
            #expect(try await client.rest() == "{\"process_id\":\"p\",\"exit_status\":0}\n")
            #expect(attachment.input == "")
        }
    }

    @Test func payloadsOverTheLimitEndTheInput() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            let big = String(repeating: "x", count: 8 << 20)
            // The server stops reading, so the client's bytes need not all be taken.
            async let sent: Void? = try? client.send(#"{"source":0,"data":"\#(big)"}"#)
            try await eventually { attachment.events == ["eof"] }
            attachment.exit(1)
            #expect(try await client.line() == #"{"process_id":"p","exit_status":1}"#)
            try? await client.close()
            _ = await sent
        }
    }

    @Test func largestInputPassesUnchanged() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            let piece = String(repeating: "é<\\n", count: 1 << 19)
            try await client.send(#"{"source":0,"data":"\#(piece)"}"#)
            try await eventually { attachment.peek { $0.input.count } == 2_097_152 }
        }
    }

    @Test func aProgramThatRefusesInputStillGetsSignals() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            attachment.set { $0.refusesInput = true }
            try await client.send(#"{"source":0,"data":"x"}{"signal":0}"#)
            try await eventually { attachment.events == ["write", "signal 15"] }
        }
    }

    @Test func aSlowProgramStopsTheServerFromReading() async throws {
        // A unix socket, since its buffers are small and do not grow.
        let path = "/tmp/apron-api-test-\(UInt32.random(in: 0...UInt32.max)).sock"
        try await withServer(path: path) { server in
            let client = try await WireClient.connect(path: path)
            try await client.request("POST", "/containers/c/processes", #"{"id":"p","path":"sh"}"#)
            _ = try await client.head()
            let attachment = try #require(server.containers.attachment)
            attachment.set { $0.isBlocked = true }
            let piece = #"{"source":0,"data":"\#(String(repeating: "x", count: 1 << 18))"}"#
            let flood = client.channel.eventLoop.makePromise(of: Void.self)
            client.channel.writeAndFlush(ByteBuffer(string: String(repeating: piece, count: 24)), promise: flood)
            let isDone = Flag()
            flood.futureResult.whenComplete { _ in isDone.raise() }
            try await eventually { attachment.events == ["write"] }
            // 6 MiB are more than the socket's buffers and the server's own together, so the write cannot be over.
            try await Task.sleep(for: .milliseconds(200))
            #expect(!isDone.isRaised)
            attachment.set { $0.isBlocked = false }
            try await flood.futureResult.get()
            try await eventually { attachment.peek { $0.input.count } == 6 << 20 }
        }
    }

    @Test func bytesBehindTheRequestBelongToTheStream() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let body = #"{"id":"p","path":"cat"}"#
            try await client.send(
                "GET /ping HTTP/1.1\r\nHost: g\r\n\r\nGET /ping HTTP/1.1\r\nHost: g\r\n\r\n"
                    + "POST /containers/c/processes HTTP/1.1\r\nHost: g\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    + #"{"source":0,"data":"GET /ping HTTP/1.1\r\n\r\n"}{"source":0}"#)
            #expect(try await client.response().body == "{}\n")
            #expect(try await client.response().body == "{}\n")
            #expect(try await client.head().hasPrefix("HTTP/1.1 201 Created"))
            #expect(try await client.line() == #"{"process_id":"p","stream_id":"1"}"#)
            try await eventually { server.containers.attachment?.input == "GET /ping HTTP/1.1\r\n\r\n" }
            try await eventually { server.containers.attachment?.events == ["write", "eof"] }
        }
    }

    @Test func takeoverWorksByteByByteAndWithChunkedBodies() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.sendBytewise(
                "POST /containers/c/processes HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "B\r\n{\"id\":\"p\",\"\r\n9\r\npath\":\"x\"\r\n1\r\n}\r\n0\r\n\r\n{\"signal\":0}")
            #expect(try await client.head().hasPrefix("HTTP/1.1 201 Created"))
            #expect(try await client.line() == #"{"process_id":"p","stream_id":"1"}"#)
            try await eventually { server.containers.attachment?.events == ["signal 15"] }
        }
    }

    @Test(arguments: [true, false])
    func aClientThatVanishesDetachesUncleanly(_ resets: Bool) async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.send(#"{"source":0,"data":"x"}"#)
            try await eventually { attachment.input == "x" }
            if resets { try await client.reset() } else { try await client.close() }
            try await eventually { attachment.events == ["write", "detach false"] }
        }
    }

    @Test func aClientThatVanishesAfterItsInputDetachesCleanly() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.send(#"{"source":0}"#)
            try await eventually { attachment.events == ["eof"] }
            try await client.reset()
            try await eventually { attachment.events == ["eof", "detach true"] }
        }
    }

    @Test func aHalfClosedClientStillGetsTheStatus() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            try await client.send(#"{"source":0,"data":"x"}{"source":0}"#)
            try await client.closeOutput()
            try await eventually { attachment.events == ["write", "eof"] }
            attachment.exit(0)
            #expect(try await client.rest() == "{\"process_id\":\"p\",\"exit_status\":0}\n")
        }
    }

    @Test func shutdownClosesStreamsWithoutAStatusAndWithoutEndingInput() async throws {
        try await withServer { server in
            let (client, attachment) = try await server.run()
            let (output, _) = try await outputOfUnending(server)
            await server.shutDown()
            #expect(try await client.rest() == "")
            #expect(try await output.rest() == "so far")
            try await eventually { attachment.events == ["detach true"] }
        }
    }

    private func outputOfUnending(_ server: ServerUnderTest) async throws -> (WireClient, String) {
        server.containers.set {
            $0.output[.stdout] = Array("so far".utf8)
            $0.outputEnds = false
        }
        let client = try await server.connect()
        try await client.request("GET", "/containers/c/processes/p/attaches/1/stdout")
        let head = try await client.head()
        try await eventually { server.containers.peek { $0.calls.contains("stream stdout c p 1") } }
        return (client, head)
    }
}
