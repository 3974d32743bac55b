import TestSupport
import Testing

extension Conformance {
    /// Spans of volumes whose worker is killed.
    @Suite(.ownWorker) struct VolumeSpans {
        @Test func anUploadsSpanEndsAfterARestart() throws {
            try withWorker { worker in
                let volume = try worker.volumes.create()
                let created = try SpanTree(worker.volumes, volume.handle)
                #expect(created.first("volume.create")?.isOpen == false)

                let wire = try Wire(to: worker.volumes.address)
                try wire.send(
                    "PUT /volumes/\(volume.handle)/stream-in?path=. HTTP/1.1\r\nHost: b\r\n"
                        + "Transfer-Encoding: chunked\r\nContent-Encoding: raw\r\n\r\n")
                var open: SpanTree.Span?
                try worker.poll("the upload to begin") {
                    open = try SpanTree(worker.volumes, volume.handle).first("volume.stream_in")
                    return open != nil
                }
                #expect(open?.isOpen == true)
                let request = try #require(
                    try SpanTree(worker.volumes, volume.handle).first("PUT /volumes/:handle/stream-in"))
                #expect(request.id == open?.parentID && request.isOpen)
                try worker.restart()
                let tree = try SpanTree(worker.volumes, volume.handle)
                let above = try #require(tree.first("PUT /volumes/:handle/stream-in"))
                #expect(above.id == request.id && !above.isOpen && above.events == ["worker_restarted"])
                let ended = try #require(tree.first("volume.stream_in"))
                #expect(ended.end <= above.end)
                #expect(ended.id == open?.id && ended.traceID == open?.traceID)
                #expect(!ended.isOpen)
                #expect(ended.events == ["worker_restarted"])
                #expect(ended.statusCode == 2)
                #expect(ended["apron.end.estimated"] == "true")
                try worker.volumes.destroy(volume.handle)
            }
        }

        @Test func everyLongSpanArrivesOnce() throws {
            let scratch = try Scratch()
            let file = "\(scratch.path)/spans"
            let archive = try Tarball(script: "head -c 30000000 /dev/urandom >big")
            try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
                let volumes = worker.volumes
                let volume = try volumes.create().handle
                #expect(try volumes.streamIn(volume, archive.bytes).status == 204)
                // One reader, and one worker that takes nothing; both for good.
                let listener = try SilentListener()
                let (outgoing, shipping) = (try Wire(to: volumes.address), try Wire(to: volumes.address))
                try outgoing.send(
                    Garden.request("PUT", "/volumes/\(volume)/stream-out?path=.", headers: ["Accept-Encoding: raw"]))
                _ = try outgoing.text(through: "\r\n\r\n")
                let query = "path=.&encoding=raw&streamInURL=http%3A%2F%2F127.0.0.1%3A\(listener.port)%2Fv"
                try shipping.send(Garden.request("PUT", "/volumes/\(volume)/stream-p2p-out?\(query)"))
                try worker.poll("both transfers to be under way") {
                    let open = try SpanTree(volumes, volume).spans.filter(\.isOpen).map(\.name)
                    return open.filter { $0 == "volume.stream_out" }.count == 2 && open.contains("volume.p2p")
                }
                try worker.restart()
                // Nothing of it is left for the next.
                try worker.restart(by: 15)
                try volumes.destroy(volume)
                // Its end brings all spans to the file; the next one deletes what was removed.
                try worker.restart(by: 15)
                withExtendedLifetime((outgoing, shipping, listener)) {}
                let spans = try ExportedSpans(file)
                let cut = spans.all.filter { $0.events.contains("worker_restarted") }
                #expect(cut.map(\.name).sorted() == ["volume.p2p", "volume.stream_out", "volume.stream_out"])
                for span in cut { #expect(span.statusCode == 2 && span["apron.end.estimated"] == "true") }
                #expect(Set(spans.all.map(\.id)).count == spans.all.count)
            }
        }
    }
}
