import Kernel
import TestSupport
import Testing

extension Conformance {
    /// Workers with less than they would like, or told to give less.
    @Suite(.ownWorker) struct Scarcity {
        /// Nothing of a container that could not be made is left, and the next one is made when there is room again.
        @Test func aFullDiskIsToldAndSurvived() throws {
            try requireRoot()
            let worker = try WorkerUnderTest()
            try runProgram("mkdir", "-p", worker.workDirectory)
            try runProgram("mount", "-t", "tmpfs", "-o", "size=32m,nr_inodes=5000", "full", worker.workDirectory)
            defer { _ = try? runProgram("umount", "-l", worker.workDirectory) }

            try worker.start()
            let garden = worker.garden
            let before = try garden.withContainer { handle in try garden.output(handle, "exit 3").status }
            #expect(before == 3)
            // What is deleted later would make room again.
            try worker.waitForDeletions()
            _ = try? runProgram("dd", "if=/dev/zero", "of=\(worker.workDirectory)/filler", "bs=64k")
            let big = [String](repeating: String(repeating: "x", count: 1000), count: 200)
            let reply = try garden.call("POST", "/containers", JSON.encode(["handle": "full", "env": big]))
            #expect(reply.status == 500)
            let message = try reply.json()["Message"].string ?? ""
            #expect(message.contains("ENOSPC"), "\(reply.text)")
            #expect(message.contains("\(worker.workDirectory)/"), "which disk is full: \(reply.text)")
            #expect(try garden.handles().isEmpty)
            let volume = try worker.volumes.call("POST", "/volumes", #"{"handle":"v","strategy":{"type":"empty"}}"#)
            #expect(volume.status == 500)
            #expect(try volume.json()["error"].string?.contains("ENOSPC") == true, "\(volume.text)")
            try runProgram("rm", "\(worker.workDirectory)/filler")
            let after = try garden.withContainer(["handle": "full"]) { handle in
                try garden.output(handle, "exit 4").status
            }
            #expect(after == 4)
            for state in ["containers/init", "containers/live", "volumes/init", "volumes/live", "volumes/layers"] {
                #expect(try Directory("\(worker.workDirectory)/\(state)").entries().isEmpty, "\(state)")
            }
            // The disk is the test's, and would be taken for something left behind.
            try runProgram("umount", "-l", worker.workDirectory)
            let remains = try worker.close()
            #expect(remains.isEmpty, "\(remains)")
        }

        @Test(arguments: ["fuse-only", "ignore"])
        func privilegesAreNarrowed(mode: String) throws {
            try withWorker(flags: ["--containerd-privileged-mode", mode]) { worker in
                let garden = worker.garden
                let volume = try worker.volumes.create(privileged: true)
                try garden.withContainer(Step.spec(true, ["/v": volume.path])) { handle in
                    let map = try garden.output(handle, "tr -s ' ' </proc/self/uid_map | head -1")
                    #expect(map.stdout == " 0 4294967294 1\n")
                    let fuse = try garden.output(handle, "test -c /dev/fuse")
                    #expect((fuse.status == 0) == (mode == "fuse-only"))
                    // Files of a volume belong to the root that there is.
                    let owner = try garden.output(handle, "stat -c %u /v; echo x >/v/x && stat -c %u /v/x")
                    #expect(owner.stdout == "0\n0\n")
                }
                try worker.volumes.destroy(volume.handle)
            }
        }
    }
}
