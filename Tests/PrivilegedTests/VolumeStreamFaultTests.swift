import Kernel
import Storage
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// Every phase of a stream fails once, and the disk is full in the middle of one: the error and the span say what
/// failed, the volume is nobody's any more, no process is left, and the same works afterwards.
@Suite(.hostUnchanged, .serialized) struct VolumeStreamFaultTests {
    private static let fault = FaultPlan.Fault.kernel(.inputOutput, call: "fault")
    private static let incoming: [Phase] = [.volumeStreamIn, .volumeMount, .overlayMount, .decompress, .untar]
    private static let outgoing: [Phase] = [.volumeStreamOut, .volumeMount, .overlayMount, .compress, .tar]

    /// The spans of what `body` does, which shall fail, and the error.
    private func spans(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws -> (spans: [RecordedSpan], error: VolumeError) {
        try Telemetry.configure(Telemetry.Configuration())
        let request = Telemetry.start(.httpServer, parent: nil)
        let error = await failure(sourceLocation: sourceLocation) { try await request.run { try await body() } }
        request.end()
        let found = try #require(error as? VolumeError, "\(error as Any)", sourceLocation: sourceLocation)
        return (Telemetry.store.spans(trace: request.context.traceID), found)
    }

    private func expectFailure(
        _ phases: [Phase], _ site: VolumeSite, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async throws {
        for phase in phases {
            try await site.expectNoTrace(sourceLocation: sourceLocation) {
                let plan = FaultPlan([phase: Self.fault])
                let (spans, error) = try await self.spans { try await plan.run { try await body() } }
                #expect(plan.fired == [phase], sourceLocation: sourceLocation)
                #expect(error.cause?.call == "fault" && error.cause?.errno == .inputOutput, "\(phase): \(error)")
                for name in [phase.rawValue, phases[0].rawValue] {
                    let span = try #require(spans.first { $0.name == name }, "\(phase): no span \(name)")
                    #expect(span["apron.syscall"] == .string("fault"), "\(phase): \(span)")
                    guard case .error("EIO", _) = span.status else {
                        Issue.record("\(phase): \(name): \(span.status)", sourceLocation: sourceLocation)
                        continue
                    }
                }
                #expect(spans.allSatisfy { !$0.isUnfinished }, sourceLocation: sourceLocation)
                #expect(try site.volumes.store.inspect("volume").users.isEmpty, sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: [false, true]) func everyPhaseFailsOnce(privileged: Bool) async throws {
        try await VolumeSite.with { site in
            let volumes = try site.volumes
            let bytes = try site.archive("mkdir d; echo text >d/file")
            try await site.make("volume", privileged: privileged)
            // The layer that is made for the first writer stays.
            try await site.send(bytes, to: try await volumes.streamIn("volume", path: ".", encoding: .gzip))
            try await expectFailure(Self.incoming, site) {
                try await site.send(bytes, to: try await volumes.streamIn("volume", path: "in", encoding: .gzip))
            }
            try await expectFailure(Self.outgoing, site) {
                _ = try await site.receive(try await volumes.streamOut("volume", path: "d", encoding: .zstd))
            }
            try await site.send(bytes, to: try await volumes.streamIn("volume", path: "in", encoding: .gzip))
            let out = try await site.receive(try await volumes.streamOut("volume", path: "in/d", encoding: .raw))
            #expect(String(decoding: out, as: UTF8.self).contains("text\n"))
        }
    }

    @Test func aFullDiskIsNamed() async throws {
        let disk = try Scratch()
        try runProgram("mount", "-t", "tmpfs", "-o", "size=16m", "small", disk.path)
        // Lazily: what was removed may still be being deleted there.
        defer { _ = try? runProgram("umount", "-l", disk.path) }
        try await VolumeSite.with({ $0.volumes?.directory = "\(disk.path)/volumes" }) { site in
            let volumes = try site.volumes
            let bytes = try site.archive("mkdir d; head -c 24000000 /dev/urandom >d/big")
            try await site.make("volume")
            let (spans, error) = try await spans {
                try await site.send(bytes, to: try await volumes.streamIn("volume", path: ".", encoding: .gzip))
            }
            #expect(error.kind == .noSpace && error.cause?.errno == .noSpace, "\(error)")
            #expect(error.message.contains("d/big") && error.message.contains("ENOSPC"), "\(error)")
            for name in ["untar", "volume.stream_in"] {
                let span = try #require(spans.first { $0.name == name })
                guard case .error("ENOSPC", _) = span.status else {
                    Issue.record("\(name): \(span.status)")
                    continue
                }
                #expect(span["apron.syscall"] == .string("pwrite"), "\(span)")
                #expect(span["apron.path"] != nil, "\(span)")
            }
            #expect(try volumes.store.inspect("volume").users.isEmpty)
            try await volumes.destroy("volume")
        }
    }
}
