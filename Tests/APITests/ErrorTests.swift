import API
import Kernel
import Testing
import Worker

/// Every row of the error table on the wire, and what hostile bodies and names get.
@Suite(.timeLimit(.minutes(2)))
struct ErrorTests {
    @Test(
        arguments: [
            (
                WorkerError(.containerNotFound, "unknown handle: c", handle: "c"), 404,
                #"{"Type":"ContainerNotFoundError","Message":"unknown handle: c","Handle":"c","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.processNotFound, "unknown process: p", handle: "c", processID: "p"), 404,
                #"{"Type":"ProcessNotFoundError","Message":"unknown process: p","Handle":"","ProcessID":"p","Binary":""}"#
            ),
            (
                WorkerError(.executableNotFound, "bash: not found", handle: "c"), 500,
                #"{"Type":"ExecutableNotFoundError","Message":"bash: not found","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.unavailable, "no room"), 500,
                #"{"Type":"ServiceUnavailableError","Message":"no room","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.handleInUse, "taken", handle: "c"), 500,
                #"{"Type":"","Message":"Handle 'c' already in use","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.processInUse, "taken", handle: "c", processID: "p"), 500,
                #"{"Type":"","Message":"process ID 'p' already in use","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.invalid, "a < b"), 500,
                #"{"Type":"","Message":"a \u003c b","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.beingDestroyed, "container already being destroyed", handle: "c"), 500,
                #"{"Type":"","Message":"container already being destroyed","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.notImplemented, "not implemented"), 500,
                #"{"Type":"","Message":"not implemented","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.tooLarge, "too much"), 413,
                #"{"Type":"","Message":"too much","Handle":"","ProcessID":"","Binary":""}"#
            ),
            (
                WorkerError(.failed, "mount /x: device busy (EBUSY)"), 500,
                #"{"Type":"","Message":"mount /x: device busy (EBUSY)","Handle":"","ProcessID":"","Binary":""}"#
            ),
        ] as [(WorkerError, Int, String)])
    func kindsBecomeRepliesByOneTable(_ error: WorkerError, _ code: Int, _ body: String) async throws {
        for compatibility in Compatibility.allCases {
            try await withServer(compatibility) { server in
                server.containers.set { $0.error = error }
                let response = try await server.call("GET", "/containers/c/info")
                #expect(response.status.hasPrefix("HTTP/1.1 \(code) "))
                #expect(response.body == body + "\n")
                #expect(response.headers["content-type"] == "application/json")
            }
        }
    }

    @Test(arguments: [
        ("", "invalid JSON: unexpected end of input at byte 0"),
        ("{", "invalid JSON: unexpected end of input at byte 1"),
        (#"{"handle":1}"#, "invalid JSON: handle: expected a string, found a number"),
        (
            #"{"handle":"x",}"#,
            "invalid JSON: invalid character '}' looking for beginning of object key string at byte 14"
        ),
        (
            #"{"rootfs":"/r","limits":{"memory_limits":{"limit_in_bytes":-1}}}"#,
            "invalid JSON: limits.memory_limits.limit_in_bytes: expected an integer from 0 to 18446744073709551615, found -1"
        ),
        (#"{"env":["a",2]}"#, "invalid JSON: env[1]: expected a string, found a number"),
        ("[]", "invalid JSON: body: expected an object, found a list"),
        (
            #"{"rootfs":"raw:///r","bind_mounts":[{"src_path":"a","dst_path":"/b"}]}"#,
            "bind mount source must be an absolute path: 'a'"
        ),
        (
            #"{"rootfs":"raw:///r","bind_mounts":[{"src_path":"/a","dst_path":"/b","origin":1}]}"#,
            "bind mount /a: only the host may be its origin"
        ),
        (#"{"rootfs":"raw:///r","netin":[{"host_port":0,"container_port":1}]}"#, "not implemented: netin"),
        (#"{"rootfs":""}"#, "rootfs must not be empty"),
        (#"{"handle":"a/b","rootfs":"raw:///r"}"#, "handle must not contain a slash: a/b"),
        (#"{"handle":"..","rootfs":"raw:///r"}"#, "handle must not be '..'"),
        (#"{"handle":"a\u0000","rootfs":"raw:///r"}"#, "handle must not contain a NUL byte"),
    ])
    func badCreateBodiesAreExplained(_ body: String, _ message: String) async throws {
        try await withServer { server in
            let response = try await server.call("POST", "/containers", body)
            #expect(response.status == "HTTP/1.1 500 Internal Server Error")
            let escaped = message.replacing("\"", with: "\\\"")
            #expect(
                response.body == #"{"Type":"","Message":"\#(escaped)","Handle":"","ProcessID":"","Binary":""}"# + "\n")
            #expect(server.containers.peek { $0.calls } == [])
        }
    }

    @Test func longHandlesAreRefusedWithTheLimit() async throws {
        try await withServer { server in
            let long = String(repeating: "h", count: 10_240)
            let response = try await server.call("GET", "/containers/\(long)/info")
            #expect(response.status == "HTTP/1.1 500 Internal Server Error")
            #expect(response.body.contains("handle must not exceed 255 bytes, has 10240"))
            let slash = try await server.call("GET", "/containers/a%2Fb/info")
            #expect(slash.body.contains("handle must not contain a slash: a/b"))
            let last = String(repeating: "h", count: 255)
            #expect(try await server.call("GET", "/containers/\(last)/info").status == "HTTP/1.1 404 Not Found")
        }
    }

    @Test func announcedBodiesOverTheLimitAreRefusedUnread() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send(
                "POST /containers HTTP/1.1\r\nHost: g\r\nContent-Length: 104857600\r\n\r\n{\"handle\":")
            let response = try await client.response()
            #expect(response.status == "HTTP/1.1 413 Content Too Large" || response.status.hasPrefix("HTTP/1.1 413 "))
            #expect(response.body.contains("request body exceeds the limit of 8388608 bytes"))
            #expect(response.headers["connection"] == "close")
            try await client.close()
            #expect(try await server.call("GET", "/ping").body == "{}\n")
        }
    }

    @Test func hundredMegabytesGetTheirAnswerToo() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send("POST /containers HTTP/1.1\r\nHost: g\r\nContent-Length: 104857600\r\n\r\n")
            let piece = [UInt8](repeating: 0x20, count: 1 << 20)
            // The server may close in the middle; that is its right after the answer.
            for _ in 0..<100 { do { try await client.send(piece) } catch { break } }
            #expect(try await client.response().status.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func chunkedBodiesAreRefusedWhenTheyGrowOverTheLimit() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send(
                "PUT /containers/c/properties/k HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n")
            let piece = Array("100000\r\n".utf8) + [UInt8](repeating: 0x20, count: 1 << 20) + Array("\r\n".utf8)
            for _ in 0..<9 { try await client.send(piece) }
            let response = try await client.response()
            #expect(response.status.hasPrefix("HTTP/1.1 413 "))
            #expect(response.body.contains("8388608"))
        }
    }

    @Test func eightMebibytesOfPropertyPass() async throws {
        try await withServer { server in
            let value = String(repeating: "v", count: (8 << 20) - 12)
            let response = try await server.call("PUT", "/containers/c/properties/k", #"{"value":"\#(value)"}"#)
            #expect(response.status == "HTTP/1.1 200 OK")
            #expect(server.containers.peek { $0.properties["c"]?["k"]?.utf8.count } == value.utf8.count)
            #expect(try await server.call("GET", "/containers/c/properties/k").body.utf8.count == value.utf8.count + 13)
        }
    }

    @Test func slowRequestsAreCancelledAndSaySo() async throws {
        try await withServer(timeout: .milliseconds(50)) { server in
            server.containers.set { $0.stalls = true }
            let response = try await server.call("POST", "/containers", #"{"rootfs":"raw:///r"}"#)
            #expect(response.body.contains(#""Message":"timed out after 0.050s""#))
            #expect(response.status == "HTTP/1.1 500 Internal Server Error")
        }
    }

    @Test func brokenHTTPIsRefused() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send("this is no HTTP\r\n\r\n")
            #expect(try await client.response().status == "HTTP/1.1 400 Bad Request")
        }
    }
}
