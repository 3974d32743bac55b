import TestSupport
import Testing

extension Conformance {
    /// What happens at a container's limits.
    @Suite struct Limits {
        @Test(arguments: [false, true])
        func programsOutOfMemoryAreKilledAndTold(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            let limits = ["memory_limits": ["limit_in_bytes": 32 << 20]]
            try garden.withContainer(["limits": limits, "privileged": privileged]) { handle in
                // Grows without end: tail keeps the last line, and there is only one.
                let program = try garden.run(handle, ["path": "tail", "args": ["-n", "1", "/dev/zero"], "id": "p"])
                #expect(try program.exit() == 137)
                let tree = try SpanTree.whenEnded("process", garden, handle)
                #expect(tree.first("process")?["apron.exit.reason"] == "oom")
                #expect(tree.first("process")?.events.contains("oom_kill") == true)
                #expect(try garden.info(handle)["Events"].strings.contains("oom"))
                #expect(try garden.output(handle, "echo alive").stdout == "alive\n")
            }
        }

        /// Bounded by itself, should the limit not hold.
        @Test func forkBombsStayInside() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["limits": ["pid_limits": ["max": 40]]]) { handle in
                let bomb = "i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done; echo all; sleep 1000"
                let program = try garden.run(handle, script: bomb, ["id": "bomb"]).opened()
                // The shell gives up when it cannot fork.
                let outcome = try program.stderr?.text(through: "\n") ?? ""
                #expect(outcome.contains("fork"))
                #expect(try garden.info(handle)["State"].string == "active")
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": true])
                #expect(try garden.output(handle, "echo alive").stdout == "alive\n")
            }
        }

        @Test func limitsAreSeenInside() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["limits": ["memory_limits": ["limit_in_bytes": 48 << 20]]]) { handle throws in
                let script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null"
                #expect(try garden.output(handle, script).stdout == "50331648\n")
            }
        }

        @Test func theSpoolMakesProgramsWait() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                // Nobody reads its output; it can write what the spool and the pipe hold, and then waits.
                let writer = try garden.run(
                    handle, script: "head -c 40000000 /dev/zero; echo done >&2; exit 3", ["id": "writer"])
                // Others do not notice.
                for index in 0..<20 {
                    #expect(try garden.output(handle, "echo \(index)").stdout == "\(index)\n")
                }
                #expect(try garden.info(handle)["ProcessIDs"].strings == ["writer"])
                let outcome = try writer.stdout?.rest().count
                #expect(outcome == 40_000_000)
                #expect(try writer.stderr?.restText() == "done\n")
                #expect(try writer.exit() == 3)
            }
        }

        /// Its kernel's buffers fill, then the spool; the program waits, and the client has everything in the end.
        @Test func aReaderThatDoesNotReadHurtsNobody() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let lazy = try garden.run(handle, script: "head -c 60000000 /dev/zero; exit 3", ["id": "lazy"]).opened()
                let quick = try garden.output(handle, "head -c 20000000 /dev/zero; exit 4")
                #expect(quick.status == 4)
                #expect(quick.stdout.utf8.count == 20_000_000)
                #expect(try garden.info(handle)["ProcessIDs"].strings == ["lazy"])
                let count = try lazy.stdout?.rest().count
                #expect(count == 60_000_000)
                #expect(try lazy.exit() == 3)
            }
        }

        @Test func aPausingReaderMissesNothing() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                // 64 MiB of numbered blocks; the reader sleeps after each of its first pieces.
                let script = "seq 1 7300000; exit 9"
                let program = try garden.run(handle, script: script)
                let output = try #require(program.stdout)
                var expected = 1
                var line = [UInt8]()
                var pauses = 0
                var isRight = true
                while true {
                    let bytes = try output.some()
                    if bytes.isEmpty { break }
                    for byte in bytes {
                        if byte != 10 {
                            line.append(byte)
                            continue
                        }
                        if isRight { isRight = Int(String(decoding: line, as: UTF8.self)) == expected }
                        expected += 1
                        line.removeAll(keepingCapacity: true)
                    }
                    if pauses < 5 {
                        pauses += 1
                        try runSleep(seconds: pauses % 2)
                    }
                }
                #expect(isRight)
                #expect(expected == 7_300_001)
                #expect(try program.exit() == 9)
            }
        }
    }
}
