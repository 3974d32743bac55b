import Telemetry
import Testing
import Worker

@testable import API

/// What an operator looks at.
@Suite struct OperationsTests {
    @Test(arguments: ["localhost", "localhost:7776", "127.0.0.1:7776", "[::1]:7776", "LOCALHOST.", "worker.example:1"])
    func answersToItsOwnNames(_ host: String) {
        #expect(HostRule(address: "127.0.0.1", names: ["Worker.example"]).allows(host))
    }

    @Test(arguments: [
        "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::1", "a:b", "",
        "127.0.0.1:x",
        "evil.example:7776", "[::2]:7776",
    ])
    func answersToNoOtherName(_ host: String) {
        #expect(!HostRule(address: "127.0.0.1").allows(host))
        #expect(!HostRule(address: "127.0.0.1").allows(nil))
    }

    @Test func allAddressesAreOursBehindAWildcard() {
        #expect(HostRule(address: "0.0.0.0").allows("10.0.0.1:7776"))
        #expect(!HostRule(address: "0.0.0.0").allows("evil.example:7776"))
    }

    @Test func refusesRequestsToForeignNames() async throws {
        try await withOperationsServer { server in
            for path in ["/", "/api/state", "/events", "/debug/spans", "/metrics", "/health", "/api/traces/1"] {
                let response = try await server.call("GET", path, host: "evil.example")
                #expect(response.status == 421, "\(path)")
                #expect(response.text.contains("--operations-host"))
            }
        }
    }

    @Test func answersNothingButQuestions() async throws {
        try await withOperationsServer { server in
            for path in ["/", "/api/state", "/api/search", "/debug/spans", "/health"] {
                for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
                    let status = try await server.call(method, path).status
                    #expect(status == 405, "\(method) \(path)")
                }
                let head = try await server.call("HEAD", path)
                #expect(head.text.isEmpty)
            }
        }
    }

    @Test func thePageIsOneFileThatLoadsNothing() async throws {
        try await withOperationsServer { server in
            let first = try await server.call("GET", "/")
            let second = try await server.call("GET", "/")
            #expect(first.status == 200)
            let policy = try #require(first.headers["content-security-policy"])
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
            // A word that is the same twice could be guessed.
            #expect(policy != second.headers["content-security-policy"])
            let page = first.text
            #expect(!page.contains("NONCE"))
            for word in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "https://", "@import"] {
                #expect(!page.contains(word), "\(word)")
            }
            #expect(!page.contains("src=") && !page.contains("rel=\"stylesheet\""))
        }
    }

    @Test func hostileNamesStayText() async throws {
        let name = "</script><img src=x onerror=alert(1)>\u{2028}\"\\"
        var container = ContainerSummary(handle: name, created: 1)
        container.processes = [ProcessSummary(id: name, command: name, started: 2)]
        let overview = WorkerOverview(containers: [container])
        try await withOperationsServer(overview) { server in
            let text = try await server.call("GET", "/api/state").text
            #expect(!text.contains("<") && !text.contains("\u{2028}"))
            let state = try JSONObject(parsing: Array(text.utf8))
            let containers = try state.object("containers").objects("items")
            #expect(try containers.first?.string("handle") == name)
        }
    }

    @Test func listsAreCappedAndCounted() async throws {
        let containers = (0..<5000).map { ContainerSummary(handle: "c\($0)", created: 1) }
        try await withOperationsServer(WorkerOverview(containers: containers)) { server in
            let state = try JSONObject(parsing: Array(try await server.call("GET", "/api/state").text.utf8))
            let list = try state.object("containers")
            #expect(try list.unsigned("total") == 5000)
            #expect(try list.list("items").count == OperationsState.objectsMax)
        }
    }

    @Test func tracesAreFoundByHandleAndByDigits() async throws {
        try Telemetry.configure(Telemetry.Configuration())
        let handle = "operations-\(TraceID.random())"
        let span = Telemetry.start(.containerCreate, parent: nil, handle: handle)
        let trace = "\(span.context.traceID)"
        try await withOperationsServer { server in
            let open = try await server.call("GET", "/debug/spans?handle=\(handle)").text
            #expect(open.contains("apron.age") && open.contains(trace))
            span.status(.error("EPERM", "mount /x: not permitted"))
            span.end()
            let left = try await server.call("GET", "/debug/spans?handle=\(handle)").text
            #expect(!left.contains(trace))
            for query in [handle, String(trace.prefix(12))] {
                let text = try await server.call("GET", "/api/search?q=\(query)").text
                #expect(text.contains(trace) && text.contains("mount /x"), "\(query)")
            }
            let picture = try await server.call("GET", "/api/traces/\(trace)/waterfall?ascii=1").text
            #expect(picture.contains("container.create"))
            let known = try await server.call("GET", "/api/traces/\(trace)")
            #expect(known.text.contains("resourceSpans"))
            let unknown = try await server.call("GET", "/api/traces/\(TraceID.random())")
            #expect(unknown.status >= 400)
            let malformed = try await server.call("GET", "/api/traces/nonsense")
            #expect(malformed.status >= 400)
        }
    }

    @Test func lookingLeavesNoTrace() async throws {
        try await withOperationsServer { server in
            _ = try await server.call("GET", "/api/state")
            let marked = TraceID.random()
            let header = "traceparent: 00-\(marked)-00f067aa0ba902b7-01"
            for path in ["/", "/api/state", "/metrics", "/health"] {
                _ = try await server.call("GET", path, headers: [header])
            }
            #expect(Telemetry.store.spans(trace: marked).isEmpty)
        }
    }

    @Test func eventsTellWhatHasChanged() async throws {
        try await withOperationsServer { server in
            let client = try await server.open("GET", "/events")
            let head = try await client.head()
            #expect(head.contains("text/event-stream"))
            var event = ""
            while !event.hasPrefix("data:") { event = try await client.line() }
            #expect(event.contains("\"worker\"") && event.contains("\"containers\""))
            server.overview.set(WorkerOverview(containers: [ContainerSummary(handle: "new", created: 1)]))
            event = ""
            while !event.contains("\"new\"") { event = try await client.line() }
            #expect(!event.contains("\"worker\""), "what has not changed is not sent again")
            try await client.close()
        }
    }

    @Test func eventsOfManyContainersAreAsLongAsWhatChanged() async throws {
        func container(_ number: Int, _ state: String = "active") -> ContainerSummary {
            var container = ContainerSummary(handle: "c\(10_000 + number)", created: 1)
            container.state = state
            container.processes = [ProcessSummary(id: "p", command: String(repeating: "x", count: 100), started: 2)]
            return container
        }
        let first = (0..<1000).map { container($0) }
        var changed = first
        changed[500] = container(500, "dead")
        changed.remove(at: 900)
        changed.insert(container(-1), at: 0)
        let states = [first, changed, Array(changed.dropFirst(3)), changed.reversed()]
        try await withOperationsServer(WorkerOverview(containers: first)) { server in
            let client = try await server.open("GET", "/events")
            _ = try await client.head()
            var (list, sizes): (ReadList, [Int]) = (ReadList(key: "handle"), [])
            for containers in states {
                server.overview.set(WorkerOverview(containers: containers))
                let wanted = containers.map(\.handle)
                while true {
                    let event = try await client.line()
                    guard event.hasPrefix("data:") else { continue }
                    let object = try JSONObject(parsing: Array(event.utf8.dropFirst(6)))
                    if !object.has("containers") { continue }
                    let change = try object.object("containers")
                    try list.apply(change)
                    #expect(list.total == list.rows.count)
                    if list.keys == wanted {
                        sizes.append(event.utf8.count)
                        break
                    }
                }
                if sizes.count == 2 { #expect(list.rows[501]["state"] == .string("dead")) }
            }
            #expect(sizes[0] > 100_000 && sizes[3] > 100_000, "the whole list, and one in another order: \(sizes)")
            #expect(sizes[1] < 2000 && sizes[2] < 2000, "\(sizes)")
            // Whoever connects again has everything at once, whatever was the last that it had.
            let again = try await server.open("GET", "/events", headers: ["Last-Event-ID: 7"])
            _ = try await again.head()
            var event = ""
            while !event.hasPrefix("data:") { event = try await again.line() }
            #expect(event.contains("\"items\"") && event.contains("\"worker\"") && !event.contains("\"set\""))
            try await again.close()
            try await client.close()
        }
    }

    @Test func pagesAreLimited() async throws {
        try await withOperationsServer { server in
            var clients: [WireClient] = []
            for _ in 0..<EventStreams.clientsMax {
                let client = try await server.open("GET", "/events")
                _ = try await client.head()
                clients.append(client)
            }
            let refused = try await server.call("GET", "/events")
            #expect(refused.status == 503)
            for client in clients { try await client.close() }
        }
    }
}
