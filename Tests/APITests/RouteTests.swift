import API
import Testing
import Worker

/// Status, head and body of every plain route, byte by byte.
@Suite(.timeLimit(.minutes(2)))
struct RouteTests {
    @Test func pingAnswersAnEmptyObjectWithItsHead() async throws {
        try await withServer { server in
            let response = try await server.call("GET", "/ping")
            #expect(response.status == "HTTP/1.1 200 OK")
            #expect(response.body == "{}\n")
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.headers["content-length"] == "3")
            #expect(response.headers["date"]?.hasSuffix(" GMT") == true)
            #expect(response.headers["transfer-encoding"] == nil)
        }
    }

    @Test(
        arguments: [
            (
                "GET", "/capacity", nil,
                #"{"memory_in_bytes":17179869184,"disk_in_bytes":1099511627776,"schedulable_disk_in_bytes":1099511627776,"max_containers":250}"#
            ),
            ("GET", "/containers", nil, #"{"Handles":["c"]}"#),
            ("GET", "/containers?a=1", nil, #"{"Handles":["c"]}"#),
            ("GET", "/containers?%3Cb%3E=2%26", nil, #"{"Handles":["c"]}"#),
            ("GET", "/containers?a=1&a=2", nil, #"{"Handles":["c"]}"#),
            ("GET", "/containers?a=2", nil, #"{"Handles":[]}"#),
            ("POST", "/containers", #"{"handle":"x","rootfs":"raw:///r"}"#, #"{"Handle":"x"}"#),
            ("POST", "/containers", #"{"rootfs":"raw:///r"}"#, #"{"Handle":"invented"}"#),
            ("DELETE", "/containers/c", nil, "{}"),
            ("PUT", "/containers/c/stop", #"{"kill":true}"#, "{}"),
            ("PUT", "/containers/c/grace_time", "500000000", "{}"),
            ("GET", "/containers/c/properties", nil, #"{"\u003cb\u003e":"2\u0026","a":"1"}"#),
            ("GET", "/containers/c/properties/a", nil, #"{"value":"1"}"#),
            ("GET", "/containers/c/properties/%3Cb%3E", nil, #"{"value":"2\u0026"}"#),
            ("PUT", "/containers/c/properties/concourse:exit-status", #"{"value":"0"}"#, "{}"),
            ("DELETE", "/containers/c/properties/a", nil, "{}"),
            (
                "GET", "/containers/c/info", nil,
                #"{"State":"active","Events":[],"HostIP":"10.80.0.1","ContainerIP":"10.80.0.2","ContainerIPv6":"","ExternalIP":"10.80.0.1","ContainerPath":"/var/apron/c","ProcessIDs":[],"Properties":{"\u003cb\u003e":"2\u0026","a":"1"},"MappedPorts":[]}"#
            ),
            ("GET", "/containers/c/limits/cpu", nil, #"{"weight":512}"#),
            ("GET", "/containers/c/limits/memory", nil, #"{"limit_in_bytes":9223372036854771712}"#),
            ("GET", "/containers/c/limits/bandwidth", nil, "{}"),
            ("GET", "/containers/c/limits/disk", nil, "{}"),
        ] as [(String, String, String?, String)])
    func answersExactly(_ method: String, _ path: String, _ body: String?, _ expected: String) async throws {
        try await withServer { server in
            let response = try await server.call(method, path, body)
            #expect(response.status == "HTTP/1.1 200 OK")
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.body == expected + "\n")
        }
    }

    @Test func guardianModeReadsSharesAndStatesItsWay() async throws {
        try await withServer(.guardian) { server in
            #expect(try await server.call("GET", "/containers/c/limits/cpu").body == "{\"limit_in_shares\":512}\n")
            #expect(try await server.call("GET", "/containers?garden.state=all").body == "{\"Handles\":[\"c\"]}\n")
            let missing = try await server.call("GET", "/containers/c/properties/k")
            #expect(missing.body.contains(#""Message":"property does not exist: k""#))
        }
    }

    @Test func pathSegmentsAreUnescapedOnce() async throws {
        try await withServer { server in
            _ = try await server.call("GET", "/containers/a%20b/properties/k+k")
            _ = try await server.call("GET", "/containers/a%2525/properties")
            #expect(server.containers.peek { $0.calls } == ["property a b k k", "properties a%25"])
            let broken = try await server.call("GET", "/containers/%zz/properties")
            #expect(broken.status == "HTTP/1.1 400 Bad Request")
        }
    }

    @Test func unknownPathsAndMethodsAreToldApart() async throws {
        try await withServer { server in
            let unknown = try await server.call("GET", "/nope")
            #expect(unknown.status == "HTTP/1.1 404 Not Found")
            #expect(unknown.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(unknown.body == "404 page not found\n")
            let wrong = try await server.call("POST", "/containers/c/properties/k")
            #expect(wrong.status == "HTTP/1.1 405 Method Not Allowed")
            #expect(wrong.headers["allow"] == "DELETE, GET, PUT")
            #expect(try await server.call("GET", "/ping/").status == "HTTP/1.1 404 Not Found")
            #expect(try await server.call("GET", "/containers/").status == "HTTP/1.1 404 Not Found")
        }
    }

    @Test(arguments: [
        ("GET", "/containers/bulk_info?handles=a"), ("GET", "/containers/bulk_metrics?handles="),
        ("PUT", "/containers/c/files?destination=/"), ("GET", "/containers/c/files?source=/"),
        ("POST", "/containers/c/net/in"), ("POST", "/containers/c/net/out"), ("POST", "/containers/c/net/out/bulk"),
        ("GET", "/containers/c/metrics"),
    ])
    func absentRoutesSaySo(_ method: String, _ path: String) async throws {
        try await withServer { server in
            let response = try await server.call(method, path, method == "GET" ? nil : "{}")
            #expect(response.status == "HTTP/1.1 500 Internal Server Error")
            #expect(response.body.hasPrefix(#"{"Type":"","Message":"not implemented: "#))
        }
    }

    @Test func connectionsAreKeptAndPipelinedRequestsAnsweredInOrder() async throws {
        try await withServer { server in
            let client = try await server.connect()
            for _ in 0..<3 { #expect(try await client.call("GET", "/ping").body == "{}\n") }
            try await client.send(
                "GET /ping HTTP/1.1\r\nHost: g\r\n\r\nGET /containers HTTP/1.1\r\nHost: g\r\n\r\n"
                    + "PUT /containers/c/stop HTTP/1.1\r\nHost: g\r\nContent-Length: 14\r\n\r\n{\"kill\":false}"
                    + "GET /nope HTTP/1.1\r\nHost: g\r\n\r\n")
            #expect(try await client.response().body == "{}\n")
            #expect(try await client.response().body == "{\"Handles\":[\"c\"]}\n")
            #expect(try await client.response().body == "{}\n")
            #expect(try await client.response().body == "404 page not found\n")
            #expect(server.containers.peek { $0.calls } == ["list []", "stop c false"])
        }
    }

    @Test func closeIsHonoured() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let response = try await client.call("GET", "/ping", headers: ["Connection: close"])
            #expect(response.headers["connection"] == "close")
            #expect(try await client.rest() == "")
        }
    }

    @Test func unixSocketsServeAtTheSameTime() async throws {
        let path = "/tmp/apron-api-test-\(UInt32.random(in: 0...UInt32.max)).sock"
        try await withServer(path: path) { server in
            let client = try await WireClient.connect(path: path)
            #expect(try await client.call("GET", "/ping").body == "{}\n")
            #expect(try await server.call("GET", "/ping").body == "{}\n")
        }
    }

    @Test func chunkedBodiesAndExpectContinueWork() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.sendBytewise(
                "PUT /containers/c/properties/k HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5;x=y\r\n{\"val\r\nA\r\nue\":\"abc\"}\r\n0\r\nTrailer: t\r\n\r\n")
            #expect(try await client.response().body == "{}\n")
            #expect(server.containers.peek { $0.properties["c"]?["k"] } == "abc")
            try await client.send(
                "PUT /containers/c/properties/k HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n"
            )
            #expect(try await client.head() == "HTTP/1.1 100 Continue")
            try await client.send(#"{"value":"z"}"#)
            #expect(try await client.response().body == "{}\n")
            #expect(try await client.call("GET", "/ping").body == "{}\n")
        }
    }
}
