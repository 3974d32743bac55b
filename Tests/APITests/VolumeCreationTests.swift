import API
import Testing
import Worker

/// Creations in the background and how clients learn of their outcome.
@Suite(.timeLimit(.minutes(2)))
struct VolumeCreationTests {
    private static let made = VolumeInfo(
        handle: "h", path: "/w/h/volume", properties: nil, isPrivileged: false,
        owner: VolumeRequest.Owner(uid: 3, gid: 4))

    @Test func aClientIsHeldUntilTheCreationHasSettled() async throws {
        try await withVolumes { server, volumes in
            let client = try await server.connect()
            let begun = try await client.call("POST", "/volumes-async", #"{"handle":"h","strategy":{"type":"empty"}}"#)
            #expect(begun.status == "HTTP/1.1 201 Created")
            try await client.request("GET", "/volumes-async/h")
            try await eventually { volumes.peek { $0.calls.last } == "creation h" }
            volumes.set { $0.creations["h"] = .success(Self.made) }
            let outcome = try await client.response()
            #expect(outcome.status == "HTTP/1.1 200 OK")
            #expect(outcome.headers["content-type"] == "application/json")
            #expect(
                outcome.body
                    == #"{"handle":"h","path":"/w/h/volume","properties":null,"privileged":false,"uid":3,"gid":4}"#
                    + "\n")
            #expect(try await client.call("DELETE", "/volumes-async/h").status == "HTTP/1.1 204 No Content")
            let forgotten = try await client.call("GET", "/volumes-async/h")
            #expect(forgotten.status == "HTTP/1.1 404 Not Found")
            #expect(forgotten.body == "")
        }
    }

    @Test func aFailureIsToldByTheOutcome() async throws {
        try await withVolumes { server, volumes in
            volumes.set { $0.creations["h"] = .failure(VolumeError(.unknownParent, "unknown parent volume: p")) }
            let outcome = try await server.call("GET", "/volumes-async/h")
            #expect(outcome.status.hasPrefix("HTTP/1.1 422 "))
            #expect(outcome.body == #"{"error":"failed to create volume: unknown parent volume: p"}"# + "\n")
        }
    }

    @Test func aShutdownSendsWaitingClientsAway() async throws {
        try await withVolumes { server, volumes in
            volumes.set { $0.creations["h"] = .some(nil) }
            let client = try await server.connect()
            try await client.request("GET", "/volumes-async/h")
            try await eventually { volumes.peek { $0.calls } == ["creation h"] }
            await server.shutDown()
            #expect(try await client.response().status == "HTTP/1.1 204 No Content")
            _ = try await client.rest()
        }
    }
}
