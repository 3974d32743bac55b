import Testing
import Worker

@testable import API

/// Requests that a page of some site has a browser send, and those of programs, whatever they call the worker.
@Suite(.timeLimit(.minutes(2)))
struct BrowserTests {
    @Test(
        "a page can neither change nor read anything",
        arguments: [
            // A form of another site, and one in a frame without an origin.
            ("POST", "/containers", ["Origin: http://evil.example", "Accept-Language: en"]),
            ("POST", "/containers", ["Origin: null"]),
            // A page whose name has been made to resolve to this address.
            ("GET", "/containers", ["Accept-Language: en-GB,en;q=0.5"]),
            ("GET", "/containers/c/processes/p", ["Accept-Language: *"]),
            ("DELETE", "/containers/c", ["Origin: http://evil.example:7777"]),
            ("GET", "/ping", ["Sec-Fetch-Site: cross-site"]),
        ])
    func pages(_ method: String, _ path: String, _ headers: [String]) async throws {
        try await withServer { server in
            let response = try await server.call(method, path, method == "POST" ? "{}" : nil, headers: headers)
            #expect(response.status == "HTTP/1.1 403 Forbidden")
            #expect(response.body.contains("browser"))
            #expect(response.headers["connection"] == "close")
            #expect(response.headers["access-control-allow-origin"] == nil)
        }
        try await withVolumes { server, volumes in
            let path = path.replacing("containers", with: "volumes").replacing("/ping", with: "/volumes")
            let response = try await server.call(
                path.contains("processes") ? "PUT" : method,
                path.replacing("/processes/p", with: "/stream-out"), "{}", headers: headers)
            #expect(response.status == "HTTP/1.1 403 Forbidden")
            #expect(volumes.peek { $0.calls } == [])
        }
    }

    /// A web node calls by its own peer address and the port of a tunnel, another worker by what it was told.
    @Test(
        "programs are served by whatever name they call",
        arguments: ["10.80.0.1:41111", "web-1.ci.example:39999", "api", "127.0.0.1:7777", "[fd00::1]:1", ""])
    func programs(_ host: String) async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.send(
                "GET /ping HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n"
            )
            #expect(try await client.response().status == "HTTP/1.1 200 OK")
            try await client.close()
        }
    }

    @Test("the page is for browsers") func page() async throws {
        try await withOperationsServer { server in
            let headers = ["Accept-Language: en", "Sec-Fetch-Site: same-origin", "Origin: http://localhost"]
            for path in ["/", "/api/state", "/health"] {
                let answer = try await server.call("GET", path, headers: headers)
                #expect(answer.status == 200, "\(path)")
            }
        }
    }
}
