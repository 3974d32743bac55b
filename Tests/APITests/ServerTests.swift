import Testing

@testable import API

/// What the server does for every API: shutdown, clients that leave, many at once.
@Suite(.timeLimit(.minutes(2)))
struct ServerTests {
    private static let create = #"{"rootfs":"/r"}"#

    @Test func requestsUnderWayFinishAfterAShutdownHasBegun() async throws {
        try await withServer { server in
            server.containers.set { $0.stalls = true }
            let client = try await server.connect()
            try await client.request("POST", "/containers", Self.create)
            try await eventually { server.containers.peek { $0.calls } == ["create -"] }
            let idle = try await server.connect()
            #expect(try await idle.call("GET", "/ping").body == "{}\n")
            await server.shutDown()
            #expect(try await idle.rest() == "")
            await #expect(throws: (any Error).self) { try await server.connect() }
            server.containers.set { $0.stalls = false }
            #expect(try await client.response().body == "{\"Handle\":\"invented\"}\n")
            #expect(try await client.rest() == "")
        }
    }

    @Test func requestsThatDoNotFinishAreCancelledInTheEnd() async throws {
        try await withServer(drainTime: .milliseconds(20)) { server in
            server.containers.set { $0.stalls = true }
            let client = try await server.connect()
            try await client.request("POST", "/containers", Self.create)
            try await eventually { server.containers.peek { $0.calls } == ["create -"] }
            await server.shutDown()
            _ = try await client.rest()
        }
    }

    @Test func aClientThatLeavesInTheMiddleOfItsBodyHurtsNobody() async throws {
        try await withServer { server in
            for part in ["POST /containers HTTP/1.1\r\n", "POST /containers HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"] {
                let client = try await server.connect()
                try await client.send(part)
                try await client.reset()
            }
            #expect(try await server.call("GET", "/ping").body == "{}\n")
            #expect(server.containers.peek { $0.calls } == [])
        }
    }

    @Test func requestsThatComeTogetherAreAnsweredOneByOne() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let count = 5000
            try await client.send(String(repeating: "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n", count: count))
            for _ in 0..<count { #expect(try await client.response().body == "{}\n") }
        }
    }

    @Test func manyConnectionsAreServedAtOnce() async throws {
        try await withServer { server in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<200 { group.addTask { try await server.call("GET", "/containers").body } }
                for try await body in group { #expect(body == "{\"Handles\":[\"c\"]}\n") }
            }
        }
    }
}
