import Kernel
import Telemetry
import TestSupport
import Testing

@testable import Worker

/// A program whose output the disk does not take, with nobody who reads it.
@Suite(.hostUnchanged, .serialized) struct OutputRefusalTests {
    @Test(.timeLimit(.minutes(5))) func theSpanOfAWaitingProgramSaysWhy() async throws {
        let scratch = try Scratch()
        let disk = try scratch.makeDirectories("disk")
        try runProgram("mount", "-t", "tmpfs", "-o", "size=32m", "small", disk)
        // Lazily: what was removed may still be being deleted there.
        defer { _ = try? runProgram("umount", "-l", disk) }
        let work = "\(disk)/work"
        try runProgram("mkdir", work)
        try Telemetry.configure(Telemetry.Configuration())
        try await LaunchSite.with({ $0.workDirectory = work }) { site in
            try await site.create("box")
            // It writes when its input is at its end, far more than a pipe holds.
            let program = try await site.start("box", ["/bin/sh", "-c", "read x; head -c 4000000 /dev/zero; exit 5"])
            try runProgram("sh", "-c", "dd if=/dev/zero of=\(disk)/filler bs=64k 2>/dev/null || true")
            try await program.closeInput()
            let event = try eventually("the event") {
                Telemetry.store.openSpans(limit: 1000).spans.first { $0.name == "process" && $0.handle == "box" }?
                    .events.first { $0.name == "output_refused" }
            }
            let text = "\(event.attributes)"
            #expect(text.contains("1.stdout") && text.contains("ENOSPC"), "\(text)")
            #expect(try await site.service.info("box").processIDs.count == 1, "it waits and does not end")
            try runProgram("rm", "\(disk)/filler")
            #expect(try await program.wait() == 5)
            await program.detach(cleanly: true)
        }
    }
}
