import API
import Telemetry
import Testing
import Worker

/// The server span of every route: its name, where its parent came from, its link.
@Suite(.timeLimit(.minutes(2)))
struct TraceTests {
    init() throws { try Telemetry.configure(Telemetry.Configuration()) }

    private static let remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    /// A traceparent of a trace of its own.
    private func newContext() -> TraceContext {
        TraceContext(traceID: .random(), spanID: .random(), isRemote: true)
    }

    private func attribute(_ span: RecordedSpan, _ key: String) -> AttributeValue? {
        span.attributes.first { $0.key.name == key }?.value
    }

    /// The one server span of a trace, once it has ended.
    private func serverSpan(of trace: TraceID) async throws -> RecordedSpan {
        try await eventually {
            Telemetry.store.spans(trace: trace).contains { $0.kind == .server && !$0.isUnfinished }
        }
        let spans = Telemetry.store.spans(trace: trace).filter { $0.kind == .server }
        #expect(spans.count == 1)
        return try #require(spans.first)
    }

    @Test(
        arguments: [
            ("GET", "/ping", nil, "GET /ping"),
            ("GET", "/capacity", nil, "GET /capacity"),
            ("GET", "/containers?a=1", nil, "GET /containers"),
            ("POST", "/containers", #"{"handle":"n","rootfs":"/r"}"#, "POST /containers"),
            ("DELETE", "/containers/c", nil, "DELETE /containers/:handle"),
            ("PUT", "/containers/c/stop", "{}", "PUT /containers/:handle/stop"),
            ("PUT", "/containers/c/grace_time", "5", "PUT /containers/:handle/grace_time"),
            ("GET", "/containers/c/info", nil, "GET /containers/:handle/info"),
            ("GET", "/containers/c/limits/cpu", nil, "GET /containers/:handle/limits/cpu"),
            ("GET", "/containers/c/properties", nil, "GET /containers/:handle/properties"),
            ("GET", "/containers/c/properties/a", nil, "GET /containers/:handle/properties/:key"),
            ("PUT", "/containers/c/properties/a", #"{"value":"x"}"#, "PUT /containers/:handle/properties/:key"),
            ("DELETE", "/containers/c/properties/a", nil, "DELETE /containers/:handle/properties/:key"),
            ("GET", "/containers/c/trace", nil, "GET /containers/:handle/trace"),
            ("GET", "/containers/c/metrics", nil, "GET /containers/:handle/metrics"),
            ("GET", "/nope", nil, "GET"),
            ("DELETE", "/ping", nil, "DELETE"),
        ] as [(String, String, String?, String)])
    func theHeaderIsTheParentOfEveryRoute(_ method: String, _ path: String, _ body: String?, _ name: String)
        async throws
    {
        let parent = newContext()
        try await withServer { server in
            let response = try await server.call(
                method, path, body, headers: ["TraceParent: \(parent.traceparent)", "User-Agent: test/1"])
            let span = try await serverSpan(of: parent.traceID)
            #expect(span.name == name)
            #expect(span.parentID == parent.spanID)
            #expect(span.parentIsRemote)
            #expect(attribute(span, "apron.parent.source") == .string("header"))
            #expect(attribute(span, "http.request.method") == .string(method))
            #expect(attribute(span, "url.path") == .string(String(path.prefix { $0 != "?" })))
            #expect(attribute(span, "url.scheme") == .string("http"))
            #expect(attribute(span, "server.address") == .string("127.0.0.1"))
            #expect(attribute(span, "server.port") == .int(Int64(server.port)))
            #expect(attribute(span, "client.address") == .string("127.0.0.1"))
            #expect(attribute(span, "network.protocol.version") == .string("1.1"))
            #expect(attribute(span, "user_agent.original") == .string("test/1"))
            let code = response.status.split(separator: " ")[1]
            #expect(attribute(span, "http.response.status_code") == .int(try #require(Int64(code))))
            #expect(span.status.isError == code.hasPrefix("5"))
            let timing = try #require(response.headers["server-timing"])
            #expect(timing.contains("trace;desc=\"00-\(parent.traceID)-\(span.context.spanID)-"))
            // What the service does goes below the server span.
            for context in server.containers.peek({ $0.seenContexts }) { #expect(context == span.context) }
        }
    }

    @Test func aCreateFindsItsParentInTheEnvironment() async throws {
        let parent = newContext()
        try await withServer { server in
            let body = #"{"handle":"h-env","rootfs":"/r","env":["A=b","TRACEPARENT=\#(parent.traceparent)"]}"#
            _ = try await server.call("POST", "/containers", body)
            let span = try await serverSpan(of: parent.traceID)
            #expect(span.parentID == parent.spanID)
            #expect(attribute(span, "apron.parent.source") == .string("env"))
            #expect(span.handle == "h-env")
            #expect(server.containers.peek { $0.seenContexts.first } == span.context)
            // The header is worth more.
            let header = newContext()
            _ = try await server.call("POST", "/containers", body, headers: ["traceparent: \(header.traceparent)"])
            #expect(attribute(try await serverSpan(of: header.traceID), "apron.parent.source") == .string("header"))
        }
    }

    @Test func laterRequestsAreRootsWithALinkToTheContainersTrace() async throws {
        let stored = newContext()
        let handle = "linked-\(stored.traceID)"
        try await withServer { server in
            server.containers.set {
                $0.contexts[handle] = stored
                $0.properties[handle] = [:]
            }
            _ = try await server.call("GET", "/containers/\(handle)/properties")
            let client = try await server.connect()
            try await client.request("POST", "/containers/\(handle)/processes", #"{"id":"p","path":"x"}"#)
            _ = try await client.head()
            // The stream's span ends with its head and not with the stream.
            try await eventually {
                Telemetry.store.spans(handle: handle).filter { $0.kind == .server && !$0.isUnfinished }.count == 2
            }
            for span in Telemetry.store.spans(handle: handle) {
                #expect(span.parentID == nil)
                #expect(span.links.map(\.context) == [stored])
                #expect(span.links.first?.attributes == [Attribute("apron.link.type", .string("created_by"))])
                #expect(attribute(span, "apron.parent.source") == .string("stored"))
            }
            #expect(
                Telemetry.store.spans(handle: handle).map(\.name) == [
                    "GET /containers/:handle/properties", "POST /containers/:handle/processes",
                ])
        }
    }

    @Test(arguments: [
        ("GET", "/containers/c/processes/p", "GET /containers/:handle/processes/:pid"),
        (
            "GET", "/containers/c/processes/p/attaches/1/stdout",
            "GET /containers/:handle/processes/:pid/attaches/:streamid/stdout"
        ),
        (
            "GET", "/containers/c/processes/p/attaches/1/stderr",
            "GET /containers/:handle/processes/:pid/attaches/:streamid/stderr"
        ),
    ])
    func streamsHaveServerSpansThatEndWithTheHead(_ method: String, _ path: String, _ name: String) async throws {
        let parent = newContext()
        try await withServer { server in
            server.containers.set { $0.outputEnds = false }
            let client = try await server.connect()
            try await client.request(method, path, headers: ["traceparent: \(parent.traceparent)"])
            _ = try await client.head()
            let span = try await serverSpan(of: parent.traceID)
            #expect(span.name == name)
            #expect(attribute(span, "http.response.status_code") == .int(200))
        }
    }

    @Test func withoutAnyContextASpanIsARoot() async throws {
        try await withServer { server in
            let response = try await server.call("GET", "/ping", headers: ["traceparent: \(Self.remote.uppercased())"])
            let timing = try #require(response.headers["server-timing"])
            let trace = try #require(TraceID(timing.dropFirst("trace;desc=\"00-".count).prefix(32)))
            let span = try await serverSpan(of: trace)
            #expect(span.parentID == nil)
            #expect(span.links.isEmpty)
            #expect(attribute(span, "apron.parent.source") == .string("none"))
        }
    }

    @Test func failuresMarkTheSpan() async throws {
        let parent = newContext()
        try await withServer { server in
            server.containers.set { $0.error = WorkerError(.failed, "mount /x: device busy (EBUSY)") }
            _ = try await server.call("GET", "/containers/c/info", headers: ["traceparent: \(parent.traceparent)"])
            let span = try await serverSpan(of: parent.traceID)
            guard case .error(let type, let message) = span.status else { throw WireClient.Failure.closed("no error") }
            #expect(type == "500")
            #expect(message == "mount /x: device busy (EBUSY)")
        }
    }

    @Test func theTraceRouteAnswersTheWholeTree() async throws {
        let parent = newContext()
        let handle = "traced-\(parent.traceID)"
        try await withServer { server in
            _ = try await server.call(
                "POST", "/containers", #"{"handle":"\#(handle)","rootfs":"/r"}"#,
                headers: ["traceparent: \(parent.traceparent)"])
            let response = try await server.call("GET", "/containers/\(handle)/trace")
            #expect(response.status == "HTTP/1.1 200 OK")
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.body.hasPrefix(#"{"resourceSpans":[{"resource":"#))
            #expect(response.body.contains(#""traceId":"\#(parent.traceID)""#))
            #expect(response.body.contains(#""name":"POST /containers""#))
            #expect(try await server.call("GET", "/containers/nobody/trace").status == "HTTP/1.1 404 Not Found")
        }
    }
}
