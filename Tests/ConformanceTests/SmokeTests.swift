import Testing

extension Conformance {
    /// The least that must work on any kernel; also run on an emulated machine.
    @Suite struct SmokeLife {
        @Test func pings() throws {
            let reply = try SharedWorker.garden.call("GET", "/ping")
            #expect(reply.status == 200)
            #expect(reply.text == "{}\n")
            #expect(reply.headers["content-type"] == "application/json")
        }

        @Test(arguments: [false, true])
        func runsAProgram(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                #expect(try garden.handles().contains(handle))
                let outcome = try garden.output(handle, "echo out; echo err >&2; exit 42")
                #expect(outcome == ProgramOutcome(status: 42, stdout: "out\n", stderr: "err\n"))
            }
        }

        @Test(arguments: [false, true])
        func mapsIds(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                let map = try garden.output(handle, "tr -s ' ' </proc/self/uid_map").stdout
                #expect(map == (privileged ? " 0 0 4294967295\n" : " 0 4294967294 1\n 1 1 4294967293\n"))
            }
        }
    }
}
