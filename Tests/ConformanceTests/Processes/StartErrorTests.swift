import Testing

extension Conformance {
    /// Programs that cannot be started.
    @Suite struct StartErrors {
        private func reply(_ spec: [String: Any]) throws -> Reply {
            let garden = try SharedWorker.garden
            return try garden.withContainer { handle in
                let refusal = #expect(throws: Garden.Refusal.self) { try garden.run(handle, spec) }
                let reply = try #require(refusal).reply
                // A failed start leaves nothing behind that a later one could trip over.
                #expect(try garden.output(handle, "echo $$ >/dev/null; ls /proc | grep -c '^[0-9]'").status == 0)
                #expect(try garden.info(handle)["ProcessIDs"].list.isEmpty)
                return reply
            }
        }

        @Test(arguments: ["/no/such/program", "no-such-program", "/etc/passwd/x"])
        func missingProgramsHaveTheirType(path: String) throws {
            let reply = try reply(["path": path])
            let error = try reply.json()
            #expect(reply.status == 500)
            #expect(error["Type"].string == "ExecutableNotFoundError")
            #expect(error["Message"].string?.contains(path) == true)
            #expect(error.keys == ["Type", "Message", "Handle", "ProcessID", "Binary"])
        }

        @Test(arguments: ["/etc/passwd", "/etc", "./etc"])
        func whatIsNoProgramIsRefused(path: String) throws {
            let reply = try reply(["path": path, "dir": "/"])
            #expect(reply.status == 500)
            #expect(try reply.json()["Message"].string?.contains(path) == true)
        }

        @Test func aMissingInterpreterIsMissing() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                _ = try garden.output(handle, "printf '#!/no/interpreter\\n' >/script; chmod 755 /script")
                let refusal = #expect(throws: Garden.Refusal.self) { try garden.run(handle, ["path": "/script"]) }
                #expect(try #require(refusal).reply.status == 500)
            }
        }

        @Test func pathsAreSearched() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                _ = try garden.output(
                    handle,
                    "mkdir -p /opt/mine; printf '#!/bin/sh\\necho mine\\n' >/opt/mine/tool; chmod 755 /opt/mine/tool")
                let found = try garden.run(handle, ["path": "tool", "env": ["PATH=/nowhere:/opt/mine:/bin"]])
                #expect(try found.outcome() == ProgramOutcome(status: 0, stdout: "mine\n"))
                // What is found first but cannot be executed is passed over, as by execvp(3).
                _ = try garden.output(handle, "mkdir -p /opt/first; echo x >/opt/first/tool; mkdir -p /opt/second/tool")
                let second = try garden.run(
                    handle, ["path": "tool", "env": ["PATH=/opt/first:/opt/second:/opt/mine:/bin"]])
                #expect(try second.outcome().stdout == "mine\n")
                let relative = try garden.run(handle, ["path": "./tool", "dir": "/opt/mine"])
                #expect(try relative.outcome().stdout == "mine\n")
            }
        }

        @Test func impossibleRequestsAreRefused() throws {
            for spec in [
                [:], ["path": ""], ["path": "/bin/true", "args": ["a\u{0}b"]], ["path": "/bin/true", "dir": "/x\u{0}"],
                ["path": "/bin/true", "rlimits": ["nofile": -1]], ["path": "/bin/true", "id": "a/b"],
                ["path": "/bin/true", "image": ["uri": "docker:///busybox"]],
            ] as [[String: Any]] {
                let reply = try reply(spec)
                #expect(reply.status == 500, "\(spec)")
            }
        }

        @Test func theListIsTooLongForTheKernel() throws {
            let reply = try reply(["path": "/bin/true", "args": [String(repeating: "x", count: 200_000)]])
            #expect(reply.status == 500)
            #expect(try reply.json()["Message"].string?.contains("E2BIG") == true)
        }

        @Test func manyProgramsStartAtOnce() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let outcomes = concurrently(30) { index in
                    try garden.output(handle, "echo \(index); exit \(index)")
                }
                for (index, outcome) in outcomes.enumerated() {
                    let outcome = try outcome.get()
                    #expect(outcome == ProgramOutcome(status: index, stdout: "\(index)\n"))
                }
            }
        }
    }
}
