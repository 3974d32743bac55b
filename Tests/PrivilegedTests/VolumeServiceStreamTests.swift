import Kernel
import Storage
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// Archives into and out of volumes, by the real program.
@Suite(.hostUnchanged, .serialized) struct VolumeServiceStreamTests {
    @Test(arguments: [false, true]) func inAndOut(privileged: Bool) async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let path = try await site.make("source", privileged: privileged)
            let bytes = try site.archive("mkdir a; echo text >a/file; ln -s file a/link")
            let transfer = try await volumes.streamIn("source", path: "below", encoding: .gzip)
            #expect(await site.kind { try await volumes.destroy("source") } == .inUse)
            let report = try await site.send(bytes, to: transfer)
            #expect(report.entries >= 3)

            try await site.site.create("reader", privileged: privileged) { request in
                request.bindMounts = [.init(source: path, destination: "/data", writable: false)]
            }
            let seen = try await site.site.shell("reader", "cd /data/below/a; cat link; stat -c '%u %g' . file")
            #expect(seen == "text\n0 0\n0 0")

            for encoding in [ArchiveEncoding.raw, .gzip, .zstd] {
                let packed = try await volumes.streamOut("source", path: "below/a", encoding: encoding)
                let out = try await site.receive(packed)
                try await site.make("copy", privileged: !privileged)
                _ = try await site.send(out, to: try await volumes.streamIn("copy", path: ".", encoding: encoding))
                let again = try await site.receive(try await volumes.streamOut("copy", path: "./file", encoding: .raw))
                #expect(String(decoding: again, as: UTF8.self).contains("text\n"), "\(encoding)")
                try await volumes.destroy("copy")
            }
        }
    }

    @Test func whatFailsReleasesTheVolume() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            try await site.make("volume")
            let bytes = try site.archive("head -c 300000 /dev/urandom >one; echo two >two")
            let half = Array(bytes.prefix(bytes.count / 2))
            let truncated = await site.kind {
                let transfer = try await volumes.streamIn("volume", path: ".", encoding: .gzip)
                _ = try await site.send(half, to: transfer)
            }
            #expect(truncated == .badArchive)
            let missing = await site.kind {
                _ = try await volumes.streamOut("volume", path: "no/such", encoding: .raw)
            }
            #expect(missing == .noSuchFile)
            let unknown = await site.kind {
                _ = try await volumes.streamIn("nobody", path: ".", encoding: .raw)
            }
            #expect(unknown == .unknownVolume)
            let fault = await site.kind {
                let plan = FaultPlan([.volumeMount: .kernel(.inputOutput, call: "fault")])
                try await plan.run { _ = try await volumes.streamIn("volume", path: ".", encoding: .raw) }
            }
            #expect(fault == .failed)
            try await leave(volumes)
            try await volumes.destroy("volume")
        }
    }

    /// A client that goes, and one that forgets.
    private func leave(_ volumes: VolumeService) async throws {
        let cancelled = try await volumes.streamIn("volume", path: ".", encoding: .raw)
        await cancelled.cancel(VolumeError(.failed, "client has gone"))
        let error = await failure { _ = try await cancelled.finish(TransferStatistics()) }
        #expect(error is VolumeError)
        _ = try await volumes.streamOut("volume", path: ".", encoding: .raw)
        let deadline = bootTime() + 60_000_000_000
        while try !volumes.store.inspect("volume").users.isEmpty {
            try #require(bootTime() < deadline, "a stream that nobody ended keeps its volume")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func bothSidesAreOnTheTrace() async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            try await site.make("volume")
            let bytes = try site.archive("echo text >file")
            try Telemetry.configure(Telemetry.Configuration())
            let request = Telemetry.start(.httpServer, parent: nil)
            try await request.run {
                let transfer = try await volumes.streamIn("volume", path: ".", encoding: .gzip)
                _ = try await site.send(bytes, to: transfer)
                _ = try await site.receive(try await volumes.streamOut("volume", path: ".", encoding: .zstd))
            }
            request.end()
            let spans = Telemetry.store.spans(trace: request.context.traceID)
            func children(of name: String) throws -> Set<String> {
                let span = try #require(spans.first { $0.name == name })
                #expect(span.parentID == request.context.spanID && !span.isUnfinished)
                return Set(spans.filter { $0.parentID == span.context.spanID }.map(\.name))
            }
            #expect(try children(of: "volume.stream_in") == ["volume.mount", "decompress", "untar"])
            #expect(try children(of: "volume.stream_out") == ["volume.mount", "tar", "compress"])
            let archive = try #require(spans.first { $0.name == "untar" })
            #expect(archive.value("apron.archive.entries") == .int(2))
            let whole = try #require(spans.first { $0.name == "volume.stream_in" })
            // Each side says how long it worked, which is not how long it was there.
            for name in ["untar", "decompress", "tar", "compress"] {
                let span = try #require(spans.first { $0.name == name })
                let busy = try #require(span.seconds("apron.archive.busy"))
                let waited = span.seconds("apron.transfer.waited") ?? 0
                let end = try #require(span.end)
                #expect(busy > 0 && busy < Double(end - span.start) / 1e9 && waited < Double(end - span.start) / 1e9)
            }
            #expect(archive.start > whole.start, "the process was not there from the beginning")
        }
    }
}

extension RecordedSpan {
    fileprivate func seconds(_ key: AttributeKey) -> Double? {
        guard case .double(let seconds)? = value(key) else { return nil }
        return seconds
    }
}
