import Testing

extension Conformance {
    /// Who programs run as, with what around them.
    @Suite struct Identity {
        @Test(
            arguments: [
                (nil, "0:0"), ("root", "0:0"), ("alice", "1001:1010"), ("1001", "1001:1010"), ("testuser", "1000:1000"),
                ("alice:staff", "1001:50"), ("4321", "4321:0"), ("4321:8765", "4321:8765"), ("operator", "37:37"),
            ] as [(String?, String)])
        func usersAreFound(user: String?, ids: String) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let spec: [String: Any] = user.map { ["user": $0] } ?? [:]
                let outcome = try garden.output(handle, "echo $(id -u):$(id -g)", spec)
                #expect(outcome.stdout == "\(ids)\n")
            }
        }

        @Test func supplementaryGroupsComeFromTheImage() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let groups = try garden.output(handle, "id -G", ["user": "alice"]).stdout.split(separator: " ")
                #expect(Set(groups.map { $0.filter { $0.isNumber } }) == ["1010", "1011"])
                let root = try garden.output(handle, "id -G").stdout
                #expect(root.contains("10"))
            }
        }

        @Test func unknownUsersAreNamed() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let refusal = #expect(throws: Garden.Refusal.self) {
                    try garden.run(handle, script: ":", ["user": "nobody-here"])
                }
                let reply = try #require(refusal).reply
                #expect(reply.status == 500)
                let message = try reply.json()["Message"].string ?? ""
                #expect(message.contains("unable to find user nobody-here: no matching entries in passwd file"))
            }
        }

        @Test func environmentFollowsTheRules() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["env": ["A=container", "B=container", "EMPTY="]]) { handle in
                func variables(_ spec: [String: Any]) throws -> [String: String] {
                    let text = try garden.output(handle, "env", spec).stdout
                    let pairs = text.split(separator: "\n").map {
                        $0.split(separator: "=", maxSplits: 1).map(String.init)
                    }
                    return Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { "\($0) twice \($1)" }
                }
                let root = try variables(["env": ["B=process", "C=first", "C=second"]])
                #expect(root["A"] == "container")
                #expect(root["B"] == "process")
                #expect(root["C"] == "second")
                #expect(root["EMPTY"] == "")
                #expect(root["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                #expect(root["HOME"] == "/root")
                #expect(root["USER"] == "root")
                let alice = try variables(["user": "alice", "env": ["USER=mine"]])
                #expect(alice["PATH"] == "/usr/local/bin:/usr/bin:/bin")
                #expect(alice["HOME"] == "/home/alice")
                #expect(alice["USER"] == "mine")
                let own = try variables(["env": ["PATH=/bin:/opt/x", "HOME=/elsewhere"]])
                #expect(own["PATH"] == "/bin:/opt/x")
                #expect(own["HOME"] == "/elsewhere")
            }
        }

        @Test func theDirectoryIsTheHomeOrMade() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                #expect(try garden.output(handle, "pwd").stdout == "/root\n")
                #expect(try garden.output(handle, "pwd", ["user": "alice"]).stdout == "/home/alice\n")
                let made = try garden.output(
                    handle, "pwd; stat -c %U .; touch mine && echo ok", ["user": "alice", "dir": "/new/deep/dir"])
                #expect(made.stdout == "/new/deep/dir\nalice\nok\n")
                #expect(try garden.output(handle, "pwd", ["dir": "/tmp"]).stdout == "/tmp\n")
            }
        }

        @Test func resourceLimitsHold() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let limits = ["nofile": 321, "core": 0, "fsize": 1 << 20, "nproc": 999]
                let shown = try garden.output(
                    handle, "ulimit -n; ulimit -c; grep -E 'Max (file size|processes)' /proc/self/limits",
                    ["rlimits": limits]
                ).stdout
                #expect(shown.hasPrefix("321\n0\n"))
                #expect(shown.contains(#/1048576 +1048576/#) && shown.contains(#/999 +999/#))
            }
        }

        @Test(arguments: [false, true])
        func capabilitiesAreThoseOfTheKind(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                let script = "grep -E '^Cap(Eff|Bnd)' /proc/self/status | cut -f2"
                let sets = try garden.output(handle, script).stdout.split(separator: "\n")
                #expect(sets.count == 2)
                if privileged {
                    #expect(sets.allSatisfy { UInt64($0, radix: 16) ?? 0 > 0xa804_25fb })
                } else {
                    #expect(sets == ["00000000a80425fb", "00000000a80425fb"])
                }
                let alice = try garden.output(handle, "grep '^CapEff' /proc/self/status | cut -f2", ["user": "alice"])
                #expect(alice.stdout == "0000000000000000\n")
            }
        }

        /// What scripts of pipelines do.
        @Test func setUserIDProgramsWork() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let outcome = try garden.output(handle, "/bin/su root -c 'id -u'", ["user": "alice", "tty": [:]])
                #expect(outcome.stdout == "0\r\n")
            }
        }
    }
}
