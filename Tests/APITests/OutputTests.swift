import API
import Synchronization
import Testing
import Worker

/// The connections that carry output: raw bytes, then the end.
@Suite(.timeLimit(.minutes(2)))
struct OutputTests {
    @Test(arguments: ["stdout", "stderr"])
    func outputIsRawAfterABareHead(_ name: String) async throws {
        try await withServer { server in
            server.containers.set {
                $0.output = [.stdout: Array("to \u{0}stdout\r\n".utf8), .stderr: Array("to \u{0}stderr\r\n".utf8)]
            }
            let client = try await server.connect()
            try await client.request(
                "GET", "/containers/c/processes/p/attaches/77/\(name)", headers: ["Content-Type: application/json"])
            let head = try await client.head().split(separator: "\r\n").map(String.init)
            #expect(head.count == 3)
            #expect(head[0] == "HTTP/1.1 200 OK")
            #expect(head[1].hasPrefix("Date: "))
            #expect(head[2] == "Transfer-Encoding: chunked")
            #expect(try await client.rest() == "to \u{0}\(name)\r\n")
            #expect(server.containers.peek { $0.calls.last } == "stream \(name) c p 77")
        }
    }

    @Test func anUnknownContainerIsAnError() async throws {
        try await withServer { server in
            let response = try await server.call("GET", "/containers/nope/processes/p/attaches/1/stdout")
            #expect(response.status == "HTTP/1.1 404 Not Found")
        }
    }

    @Test func aSlowReaderGetsEverything() async throws {
        try await withServer { server in
            let bytes = (0..<(16 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            server.containers.set { $0.output[.stdout] = bytes }
            let client = try await WireClient.connect(port: server.port, reads: false)
            try await client.request("GET", "/containers/c/processes/p/attaches/1/stdout")
            try await eventually { server.containers.peek { $0.calls.last } == "stream stdout c p 1" }
            // The writer fills the socket and waits; nothing else does.
            #expect(try await server.call("GET", "/ping").body == "{}\n")
            try await client.startReading()
            _ = try await client.head()
            #expect(try await client.restBytes() == bytes)
        }
    }

    @Test func aReaderThatIsResetEndsTheStream() async throws {
        try await withServer { server in
            server.containers.set {
                $0.output[.stdout] = [UInt8](repeating: 1, count: 16 << 20)
                $0.outputEnds = false
            }
            let client = try await WireClient.connect(port: server.port, reads: false)
            try await client.request("GET", "/containers/c/processes/p/attaches/1/stdout")
            try await eventually { server.containers.peek { $0.calls.last } == "stream stdout c p 1" }
            try await client.reset()
            try await eventually { server.containers.peek { $0.calls.last } == "stream stdout broke" }
        }
    }
}

/// Raised once.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
