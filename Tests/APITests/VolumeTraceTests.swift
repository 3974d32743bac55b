import API
import Telemetry
import Testing
import Worker

/// The server span of every route about volumes, and what is below it.
@Suite(.timeLimit(.minutes(2)))
struct VolumeTraceTests {
    init() throws { try Telemetry.configure(Telemetry.Configuration()) }

    private func newContext() -> TraceContext {
        TraceContext(traceID: .random(), spanID: .random(), isRemote: true)
    }

    private func attribute(_ span: RecordedSpan, _ key: String) -> AttributeValue? {
        span.attributes.first { $0.key.name == key }?.value
    }

    private func serverSpan(of trace: TraceID) async throws -> RecordedSpan {
        try await eventually {
            Telemetry.store.spans(trace: trace).contains { $0.kind == .server && !$0.isUnfinished }
        }
        return try #require(Telemetry.store.spans(trace: trace).first { $0.kind == .server })
    }

    private static let empty = #"{"handle":"h","strategy":{"type":"empty"}}"#

    @Test(
        arguments: [
            ("GET", "/volumes", nil, "GET /volumes"),
            ("POST", "/volumes", empty, "POST /volumes"),
            ("POST", "/volumes-async", empty, "POST /volumes-async"),
            ("GET", "/volumes-async/h", nil, "GET /volumes-async/:handle"),
            ("DELETE", "/volumes-async/h", nil, "DELETE /volumes-async/:handle"),
            ("GET", "/volumes/v", nil, "GET /volumes/:handle"),
            ("GET", "/volumes/w/trace", nil, "GET /volumes/:handle/trace"),
            ("DELETE", "/volumes/v", nil, "DELETE /volumes/:handle"),
            ("DELETE", "/volumes/destroy", "[]", "DELETE /volumes/destroy"),
            ("PUT", "/volumes/v/properties/k", "{}", "PUT /volumes/:handle/properties/:property"),
            ("GET", "/volumes/v/privileged", nil, "GET /volumes/:handle/privileged"),
            ("PUT", "/volumes/v/privileged", "{}", "PUT /volumes/:handle/privileged"),
            ("PUT", "/volumes/v/stream-in", "x", "PUT /volumes/:handle/stream-in"),
            ("PUT", "/volumes/v/stream-out", nil, "PUT /volumes/:handle/stream-out"),
            ("PUT", "/volumes/v/stream-p2p-out", nil, "PUT /volumes/:handle/stream-p2p-out"),
            ("POST", "/volumes/cleanup-orphans", nil, "POST /volumes/cleanup-orphans"),
            ("GET", "/p2p-url", nil, "GET /p2p-url"),
        ] as [(String, String, String?, String)])
    func theHeaderIsTheParentOfEveryRoute(_ method: String, _ path: String, _ body: String?, _ name: String)
        async throws
    {
        let parent = newContext()
        try await withVolumes { server, volumes in
            let response = try await server.call(
                method, path, body,
                headers: ["traceparent: \(parent.traceparent)", "Content-Encoding: raw", "Accept-Encoding: raw"])
            let span = try await serverSpan(of: parent.traceID)
            #expect(span.name == name)
            #expect(span.parentID == parent.spanID)
            #expect(attribute(span, "apron.parent.source") == .string("header"))
            #expect(attribute(span, "http.route") == .string(name.split(separator: " ").dropFirst().joined()))
            let code = try #require(Int64(response.status.split(separator: " ")[1]))
            #expect(attribute(span, "http.response.status_code") == .int(code))
            #expect(span.status.isError == (code >= 500))
            for context in volumes.peek({ $0.seenContexts }) { #expect(context == span.context) }
            if path.contains("/v") && path.contains("/v/") || path == "/volumes/v" { #expect(span.handle == "v") }
        }
    }

    @Test func requestsWithoutAParentAreLinkedToTheVolumesTrace() async throws {
        let stored = newContext()
        let handle = "linked-\(stored.traceID)"
        try await withVolumes { server, volumes in
            volumes.set { $0.contexts[handle] = stored }
            _ = try await server.call("DELETE", "/volumes/\(handle)")
            _ = try await server.call("PUT", "/volumes/\(handle)/stream-in", "x", headers: ["Content-Encoding: raw"])
            try await eventually {
                Telemetry.store.spans(handle: handle).filter { !$0.isUnfinished }.count == 2
            }
            for span in Telemetry.store.spans(handle: handle) {
                #expect(span.parentID == nil)
                #expect(span.links.map(\.context) == [stored])
                #expect(attribute(span, "apron.parent.source") == .string("stored"))
            }
        }
    }

    @Test func creationsAreFoundByTheirHandle() async throws {
        let parent = newContext()
        let handle = "made-\(parent.traceID)"
        try await withVolumes { server, _ in
            let body = #"{"handle":"\#(handle)","strategy":{"type":"empty"}}"#
            for path in ["/volumes", "/volumes-async"] { _ = try await server.call("POST", path, body) }
            try await eventually { Telemetry.store.spans(handle: handle).filter { !$0.isUnfinished }.count == 2 }
        }
    }

    @Test func theTraceRouteAnswersTheWholeTree() async throws {
        let parent = newContext()
        let handle = "traced-\(parent.traceID)"
        try await withVolumes { server, _ in
            let body = #"{"handle":"\#(handle)","strategy":{"type":"empty"}}"#
            _ = try await server.call("POST", "/volumes", body, headers: ["traceparent: \(parent.traceparent)"])
            // Reading is not part of what is read.
            for _ in 0..<2 {
                let response = try await server.call("GET", "/volumes/\(handle)/trace")
                #expect(response.status == "HTTP/1.1 200 OK")
                #expect(response.headers["content-type"] == "application/json")
                #expect(response.body.hasPrefix(#"{"resourceSpans":[{"resource":"#))
                #expect(response.body.contains(#""traceId":"\#(parent.traceID)""#))
                #expect(response.body.contains(#""name":"POST /volumes""#))
                #expect(!response.body.contains("GET /volumes"))
            }
            #expect(try await server.call("GET", "/volumes/v/trace").status == "HTTP/1.1 200 OK")
            #expect(try await server.call("GET", "/volumes/nobody-ever/trace").status == "HTTP/1.1 404 Not Found")
        }
    }

    @Test func failuresMarkTheSpan() async throws {
        let parent = newContext()
        try await withVolumes { server, volumes in
            volumes.set { $0.error = VolumeError(.noSpace, "disk is full but for the reserve") }
            _ = try await server.call("DELETE", "/volumes/v", headers: ["traceparent: \(parent.traceparent)"])
            let span = try await serverSpan(of: parent.traceID)
            guard case .error(let type, let message) = span.status else { throw WireClient.Failure.closed("no error") }
            #expect(type == "500")
            #expect(message == "disk is full but for the reserve")
        }
    }
}
