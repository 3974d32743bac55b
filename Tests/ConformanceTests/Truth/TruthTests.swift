import Foundation
import Kernel
import TestSupport
import Testing

extension Conformance {
    /// Whether spans say what happened.
    @Suite struct Truth {
        /// Spans that may go on after what began them: work that outlives the request, and streams, which begin as the
        /// request's reply has been found.
        private static let outliving: Set = [
            "process", "process.attach", "volume.create", "volume.p2p", "volume.stream_out",
        ]
        /// What the worker does without being asked.
        private static let ownRoots: Set = ["worker.start", "worker.recover"]

        @Test(.ownWorker) func everySpanOfAThousandRequestsHasItsParent() throws {
            let scratch = try Scratch()
            let file = "\(scratch.path)/spans"
            let archive = try Tarball(script: "echo x >file").bytes
            try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
                let callers = concurrently(8) { thread in
                    try (0..<9).map { round in
                        let caller = CallerTrace()
                        let headers = (thread + round) % 2 == 0 ? caller.headers : []
                        if round % 3 == 0 { try Truth.work(worker, archive, headers) }
                        try Truth.questions(worker, headers)
                        return caller.traceID
                    }
                }
                let traces = Set(try callers.flatMap { try $0.get() })
                try worker.end(by: 15)
                let spans = try ExportedSpans(file)
                #expect(spans.all.filter { $0.kind == 2 }.count >= 1000)
                #expect(Set(spans.all.map(\.id)).count == spans.all.count)
                for span in spans.all { try Truth.checkParent(of: span, in: spans, callers: traces) }
            }
        }

        /// A span is below an exported one, below a request's that it outlives, below the caller's, or a root on purpose.
        private static func checkParent(
            of span: SpanTree.Span, in spans: ExportedSpans, callers: Set<String>
        ) throws {
            #expect(span.start <= span.end, "\(span.name)")
            guard let parentID = span.parentID else {
                #expect(span.kind == 2 || ownRoots.contains(span.name), "\(span.name) is a root")
                return
            }
            if callers.contains(span.traceID), parentID == CallerTrace().spanID {
                #expect(span.kind == 2, "\(span.name) is below the caller's span")
                return
            }
            let parent = try #require(spans[parentID], "\(span.name) has a parent that nobody exported")
            #expect(parent.traceID == span.traceID)
            #expect(parent.start <= span.start, "\(span.name) begins before \(parent.name)")
            if outliving.isDisjoint(with: [span.name, parent.name]) {
                #expect(span.end <= parent.end, "\(span.name) outlives \(parent.name)")
            }
        }

        /// Some 25 requests for everything that a worker does.
        private static func work(_ worker: WorkerUnderTest, _ archive: [UInt8], _ headers: [String]) throws {
            let (garden, volumes) = (worker.garden, worker.volumes)
            let handle = try garden.create(headers: headers)
            let shell: [String: Any] = ["id": "p", "path": "/bin/sh", "args": ["-c", "read x; exit 3"]]
            let program = try garden.run(handle, shell, headers: headers)
            let again = try garden.attach(handle, "p")
            try again.endInput()
            #expect(try again.exit() == 3)
            #expect(try program.outcome().status == 3)
            // Refused.
            _ = try? garden.run(handle, ["path": "/no/such/program"], headers: headers)
            _ = try garden.info(handle)
            try garden.call("PUT", "/containers/\(handle)/properties/key", "value", headers: headers)
            try garden.call("GET", "/containers/\(handle)/properties", headers: headers)
            try garden.call("PUT", "/containers/\(handle)/stop", #"{"kill":true}"#, headers: headers)
            let volume = try volumes.create(headers: headers).handle
            #expect(try volumes.streamIn(volume, archive).status == 204)
            let copy = try volumes.copy(of: volume).handle
            #expect(try volumes.streamOut(copy).isComplete)
            try volumes.destroy(copy)
            try volumes.destroy(volume)
            try garden.call("DELETE", "/containers/\(handle)", headers: headers)
        }

        /// Twelve requests that find nothing to do.
        private static func questions(_ worker: WorkerUnderTest, _ headers: [String]) throws {
            for path in ["/ping", "/capacity", "/containers", "/containers/none/info", "/containers/none/x", "/none"] {
                try worker.garden.call("GET", path, headers: headers)
            }
            for path in ["/volumes", "/volumes/none", "/volumes-async/none", "/none"] {
                try worker.volumes.call("GET", path, headers: headers)
            }
            try worker.garden.call("POST", "/containers", "not json", headers: headers)
            try worker.volumes.call("POST", "/volumes", "not json", headers: headers)
        }

        @Test func enormousHeadersHurtNobody() throws {
            let garden = try SharedWorker.garden
            let long = String(repeating: "x", count: 100_000)
            for name in ["traceparent", "tracestate", "baggage", "user-agent", "x-any"] {
                for value in [long, String(repeating: "a=1,", count: 25_000)] {
                    // Refused or cut off: the worker's own business. It has to go on.
                    if let reply = try? garden.call("GET", "/containers", headers: ["\(name): \(value)"]) {
                        #expect((200..<500).contains(reply.status))
                    }
                    #expect(try garden.call("GET", "/ping").status == 200)
                }
            }
        }

        @Test func hostileValuesStayValues() throws {
            let garden = try SharedWorker.garden
            // Control characters are no part of a header.
            #expect(try garden.call("POST", "/containers", "{}", headers: ["user-agent: \u{1b}[2J"]).status == 400)
            let agent = "\"}],\\u0000é" + String(repeating: "🛬", count: 5000)
            let handle = try garden.create(headers: [
                "user-agent: \(agent)", "tracestate: \(agent)", "baggage: \(agent)",
            ])
            let request = try #require(try SpanTree(garden, handle).first("POST /containers"))
            #expect(request["user_agent.original"].map { agent.hasPrefix($0) } ?? true)
            #expect(request.json["traceState"].isNull)
            try garden.destroy(handle)
        }
    }
}
