import Kernel
import TestSupport
import Testing

/// Spans beside clocks that are not the worker's. Instants are compared and never durations: what was first was first
/// on a slow machine, too.
extension Conformance.Truth {
    @Test(.ownWorker) func spansAreWithinTheStampsOfTheirClient() throws {
        let calendar = Calendar()
        let scratch = try Scratch()
        let file = "\(scratch.path)/spans"
        try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
            let garden = worker.garden
            let (handle, volume) = (Garden.newHandle(), Baggageclaim.newHandle())
            let shell: [String: Any] = ["path": "/bin/sh", "args": ["-c", "exit 3"]]
            let calls = [
                try StampedCall(["container.create", "container.launch", "child.root"]) { headers in
                    try garden.create(["handle": handle], headers: headers)
                },
                try StampedCall(["process.spawn", "child.exec"]) { headers in
                    let outcome = try garden.run(handle, shell, headers: headers).outcome()
                    #expect(outcome.status == 3)
                },
                try StampedCall(["volume.create", "state.commit"]) { headers in
                    try worker.volumes.create(handle: volume, headers: headers)
                },
                try StampedCall(["volume.destroy"]) { headers in
                    try worker.volumes.ask("DELETE", "/volumes/\(volume)", expect: 204, headers: headers)
                },
                try StampedCall(["container.destroy", "kill", "state.remove"]) { headers in
                    try garden.ask("DELETE", "/containers/\(handle)", headers: headers)
                },
            ]
            try worker.end(by: 15)
            let spans = try ExportedSpans(file)
            let tolerance = calendar.tolerance
            for call in calls {
                let trace = spans.trace(call.caller.traceID)
                #expect(Set(trace.map(\.name)).isSuperset(of: call.names))
                // The process belongs to the container's trace, whoever started it.
                for span in trace where span.name != "process" { call.expectHolds(span, tolerance) }
            }
            let process = try #require(spans.all.first { $0.name == "process" })
            #expect(process.traceID == calls[0].caller.traceID)
            calls[1].expectHolds(process, tolerance)
            for name in ["container.create", "volume.create", "container.destroy"] {
                let parent = try #require(spans.all.first { $0.name == name })
                let phases = spans.children(of: parent).filter { $0.name != "process" }
                #expect(phases.first?.start == parent.start, "\(name)")
                for (before, after) in zip(phases, phases.dropFirst()) {
                    #expect(before.end == after.start, "between \(before.name) and \(after.name)")
                }
            }
        }
    }

    @Test(.ownWorker) func spansAgreeWithAnotherTracer() throws {
        let calendar = Calendar()
        try withWorker { worker in
            let tracer = try SystemCallTracer(of: try #require(worker.pid), worker)
            let handle = try worker.garden.create()
            let shell: [String: Any] = ["path": "/bin/sh", "args": ["-c", "exit 3"]]
            #expect(try worker.garden.run(handle, shell).outcome().status == 3)
            let tree = try SpanTree.whenEnded("process", worker.garden, handle)
            let calls = try tracer.end()
            try worker.garden.destroy(handle)

            let launch = try #require(tree.first("container.launch"))
            let processOne = try #require(launch["process.pid"])
            let program = try #require(calls.first { $0.text.hasPrefix("execve(") && $0.text.contains(#""exit 3""#) })
            // In the order in which they happen.
            let claims: [(String, SystemCall?)] = [
                ("container.launch", calls.first { $0.text.hasPrefix("clone3(") && $0.text.contains("CLONE_NEWNS") }),
                ("container.launch", calls.first { $0.pid == processOne && $0.text.hasPrefix("exec") }),
                ("child.root", calls.first { $0.pid == processOne && $0.text.hasPrefix("pivot_root(") }),
                ("process.spawn", program),
                ("process", calls.last { $0.pid == program.pid && $0.text.hasPrefix("exit_group(3)") }),
            ]
            let tolerance = calendar.tolerance
            for (name, call) in claims {
                let call = try #require(call, "for \(name), of \(calls.map(\.text))")
                let span = try #require(tree.first(name))
                // It was stamped while its caller stood still at the entry.
                #expect(
                    call.time &+ tolerance >= span.start && call.time <= span.end &+ tolerance, "\(call) in \(name)")
            }
            let times = claims.compactMap { $0.1?.time }
            #expect(times == times.sorted())
        }
    }
}

/// How far the calendar of a test may be from the one that a worker dates its spans with, which was read once.
private struct Calendar {
    private let offset = realTime() &- bootTime()

    /// In nanoseconds: corrections since the begin, and what the two readings of a clock may be apart.
    var tolerance: UInt64 {
        let now = realTime() &- bootTime()
        return max(now, offset) - min(now, offset) + 2_000_000
    }
}

/// A call in a trace of its own, with the calendar before and after.
private struct StampedCall {
    let caller = CallerTrace()
    let names: [String]
    private let before: UInt64
    private let after: UInt64

    /// Calls; the spans of these names are expected in its trace.
    init(_ names: [String], _ body: ([String]) throws -> Void) throws {
        self.names = names
        before = realTime()
        try body(caller.headers)
        after = realTime()
    }

    func expectHolds(_ span: SpanTree.Span, _ tolerance: UInt64) {
        #expect(before <= span.start &+ tolerance, "\(span.name) begins before the call")
        // A request's own span ends when its reply is on the way, which the client may have by then.
        if span.kind != 2 { #expect(span.end <= after &+ tolerance, "\(span.name) ends after the call") }
    }
}
