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
                try worker.restart()
                let ended = try #require(try SpanTree(worker.volumes, volume.handle).first("volume.stream_in"))
                #expect(ended.id == open?.id && ended.traceID == open?.traceID)
                #expect(!ended.isOpen)
                #expect(ended.events == ["worker_restarted"])
                #expect(ended.statusCode == 2)
                #expect(ended["apron.end.estimated"] == "true")
                try worker.volumes.destroy(volume.handle)
            }
        }
    }
}
