import TestSupport
import Testing

/// Work that nobody asked for now: roots of the worker, with links to what they are about.
extension Conformance.Truth {
    @Test func destructionAfterTheGraceTimeIsARoot() throws {
        let garden = try SharedWorker.garden
        let caller = CallerTrace()
        // A millisecond, after the last request that names it.
        let handle = try garden.create(["grace_time": 1_000_000], headers: caller.headers)
        // It is gone when no call finds it; asking for its trace is no use of it.
        let tree = try SpanTree.whenEnded("container.destroy", garden, handle)
        let destroy = try #require(tree.first("container.destroy"))
        let create = try #require(tree.first("container.create"))
        #expect(destroy.parentID == nil)
        #expect(destroy.traceID != caller.traceID)
        #expect(destroy.linkedSpans == [create.id])
        #expect(destroy["container.id"] == handle)
    }

    @Test(.ownWorker) func recoveryLinksWhatItAdopts() throws {
        let scratch = try Scratch()
        let file = "\(scratch.path)/spans"
        try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
            let (garden, caller) = (worker.garden, CallerTrace())
            let handle = try garden.create(headers: caller.headers)
            let volume = try worker.volumes.create(headers: caller.headers).handle
            let script = "while ! test -e /tmp/end; do sleep 0.02; done; exit 4"
            let program = try garden.run(handle, script: script, ["id": "p"])
            program.vanish()
            // In an orderly way, so that nothing of the first life is missing in the file.
            try worker.restart(by: 15)
            let again = try garden.attach(handle, "p")
            #expect(try garden.output(handle, "echo >/tmp/end").status == 0)
            #expect(try again.exit() == 4)
            try garden.destroy(handle)
            try worker.volumes.destroy(volume)
            try worker.end(by: 15)

            let spans = try ExportedSpans(file)
            func only(_ name: String, _ process: String? = nil) throws -> SpanTree.Span {
                let found = spans.all.filter { $0.name == name && $0["apron.process.id"] == process }
                #expect(found.count == 1, "\(name)")
                return try #require(found.first)
            }
            let (container, made) = (try only("container.create"), try only("volume.create"))
            let recoveries = spans.all.filter { $0.name == "worker.recover" }
            for span in [container, made] {
                #expect(recoveries.contains { $0.linkedSpans.contains(span.id) }, "\(span.name)")
            }
            #expect(recoveries.allSatisfy { $0.traceID != caller.traceID })
            // Once and whole: it ended in the second life, under the id and with the begin of the first.
            let process = try only("process", "p")
            #expect(process.events.contains("worker_restarted"))
            #expect(process.parentID == container.id)
            let recovery = try #require(recoveries.max { $0.start < $1.start })
            #expect(process.start < recovery.start && process.end > recovery.end)
            #expect(try only("process.attach", "p").linkedSpans == [process.id])
            #expect(try only("container.destroy").linkedSpans == [container.id])
            #expect(try only("volume.destroy").linkedSpans == [made.id])
        }
    }
}
