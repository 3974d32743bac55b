import Foundation
import Kernel
import TestSupport
import Testing

extension Conformance {
    /// Whether spans say what happened.
    @Suite struct Truth {
        /// Spans that may go on after what began them (they outlive the request, and say so by a link or a state).
        private static let outliving: Set = ["process", "process.attach", "volume.create", "volume.p2p"]

        @Test(.ownWorker) func everySpanOfAThousandRequestsHasItsParent() throws {
            let scratch = try Scratch()
            let file = "\(scratch.path)/spans"
            let caller = "00f067aa0ba902b7"
            try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
                let threads = 8
                let results = concurrently(threads) { thread in
                    for round in 0..<9 {
                        try Truth.mixedRequests(worker, caller: (thread + round) % 2 == 0 ? caller : nil)
                    }
                }
                for result in results { try result.get() }
                try worker.end(by: 15)
                let spans = try ExportedSpans(file)
                #expect(spans.all.count > 1000)
                #expect(spans.all.filter { $0.kind == 2 }.count >= 1000)
                #expect(Set(spans.all.map(\.id)).count == spans.all.count)
                for span in spans.all {
                    guard let parentID = span.parentID else { continue }
                    guard parentID != caller else {
                        #expect(span.kind == 2)
                        continue
                    }
                    let parent = try #require(spans.byID[parentID], "\(span.name) has a parent that nobody exported")
                    #expect(parent.traceID == span.traceID)
                    #expect(span.start <= span.end && parent.start <= span.start, "\(span.name) in \(parent.name)")
                    if !Truth.outliving.contains(span.name), !Truth.outliving.contains(parent.name) {
                        #expect(span.end <= parent.end, "\(span.name) outlives \(parent.name)")
                    }
                }
            }
        }

        /// Fifteen requests of all kinds.
        private static func mixedRequests(_ worker: WorkerUnderTest, caller: String?) throws {
            let trace = String(repeating: "0", count: 15) + String(UInt64.random(in: 1 << 62...UInt64.max), radix: 16)
            let headers = caller.map { ["traceparent: 00-\(trace.suffix(16))\(trace.suffix(16))-\($0)-01"] } ?? []
            let garden = worker.garden
            let handle = try garden.create(headers: headers)
            _ = try garden.run(handle, script: "exit 3").outcome()
            _ = try garden.info(handle)
            for path in ["/ping", "/capacity", "/containers", "/containers/\(handle)/properties"] {
                try garden.call("GET", path, headers: headers)
            }
            try garden.call("PUT", "/containers/\(handle)/properties/key", "value", headers: headers)
            try garden.call("GET", "/containers/none/info", headers: headers)
            try garden.call("POST", "/containers", "not json", headers: headers)
            let volume = try worker.volumes.create(headers: headers).handle
            _ = try worker.volumes.find(volume)
            try worker.volumes.destroy(volume)
            try garden.destroy(handle)
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

/// What a worker wrote into its trace file.
private struct ExportedSpans {
    struct Span {
        let name: String
        let id: String
        let traceID: String
        let parentID: String?
        let kind: Int
        let start: UInt64
        let end: UInt64
    }

    let all: [Span]
    let byID: [String: Span]

    init(_ path: String) throws {
        var spans: [Span] = []
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let document = try JSON(parsing: Array(line.utf8))
            let found = document["resourceSpans"].list.flatMap { $0["scopeSpans"].list }.flatMap { $0["spans"].list }
            for span in found {
                spans.append(
                    Span(
                        name: span["name"].string ?? "", id: span["spanId"].string ?? "",
                        traceID: span["traceId"].string ?? "", parentID: span["parentSpanId"].string,
                        kind: span["kind"].integer ?? 0, start: UInt64(span["startTimeUnixNano"].string ?? "") ?? 0,
                        end: UInt64(span["endTimeUnixNano"].string ?? "") ?? 0))
            }
        }
        all = spans
        byID = Dictionary(spans.map { ($0.id, $0) }) { first, _ in first }
    }
}
