import TestSupport
import Testing

extension Conformance {
    /// The least that must work on any kernel; short, since it is also run on an emulated machine.
    @Suite struct Smoke {
        @Test func pings() throws {
            let reply = try SharedWorker.garden.call("GET", "/ping")
            #expect(reply.status == 200)
            #expect(reply.text == "{}\n")
            #expect(reply.headers["content-type"] == "application/json")
        }

        @Test(arguments: [false, true])
        func programsRun(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                #expect(try garden.handles().contains(handle))
                let outcome = try garden.output(handle, "echo out; echo err >&2; exit 42")
                #expect(outcome == ProgramOutcome(status: 42, stdout: "out\n", stderr: "err\n"))
            }
        }

        @Test(arguments: [false, true])
        func idsAreMapped(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                let map = try garden.output(handle, "tr -s ' ' </proc/self/uid_map").stdout
                #expect(map == (privileged ? " 0 0 4294967295\n" : " 0 4294967294 1\n 1 1 4294967293\n"))
                #expect(try garden.output(handle, "echo x >/file && stat -c %u /file /bin/busybox").stdout == "0\n0\n")
            }
        }

        @Test func inputArrives() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "cat; echo ended")
                try program.write("input\n")
                #expect(try program.stdout?.text(through: "\n") == "input\n")
                try program.endInput()
                #expect(try program.outcome().status == 0)
            }
        }

        @Test func terminalsWork() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let spec: [String: Any] = ["tty": ["window_size": ["columns": 90, "rows": 30]]]
                let outcome = try garden.output(handle, "stty size; exit 3", spec)
                #expect(outcome == ProgramOutcome(status: 3, stdout: "30 90\r\n"))
            }
        }

        @Test func limitsHold() throws {
            let garden = try SharedWorker.garden
            let limits: [String: Any] = [
                "memory_limits": ["limit_in_bytes": 32 << 20], "pid_limits": ["max": 30],
                "cpu_limits": ["limit_in_shares": 100],
            ]
            try garden.withContainer(["limits": limits]) { handle in
                let eater = try garden.run(handle, ["path": "tail", "args": ["-n", "1", "/dev/zero"]])
                #expect(try eater.exit() == 137)
                try eventually("the event to be told") {
                    try garden.info(handle)["Events"].strings.contains("oom") ? () : nil
                }
                let forks = try garden.run(
                    handle, script: "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; sleep 1000")
                #expect(try forks.stderr?.text(through: "\n").contains("fork") == true)
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": true])
                #expect(try garden.output(handle, "echo alive").stdout == "alive\n")
            }
        }

        @Test func networksConnect() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["netout_rules": [[:]]]) { handle in
                let address = try garden.info(handle)["ContainerIP"].string ?? ""
                let outcome = try garden.output(handle, "ip -4 -o addr show eth0; ip route; cat /etc/hosts")
                #expect(outcome.stdout.contains("\(address)/"))
                #expect(outcome.stdout.contains("default via"))
                #expect(outcome.stdout.contains("\(address) \(handle)\n"))
            }
        }

        @Test(.ownWorker) func programsOutliveTheWorker() throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let program = try garden.run(handle, script: "echo one; read x; echo $x; exit 6", ["id": "p"]).opened()
                #expect(try program.stdout?.text(through: "\n") == "one\n")
                try worker.restart()
                #expect(try garden.handles() == [handle])
                let again = try garden.attach(handle, "p").opened()
                try again.write("two\n")
                #expect(try again.outcome() == ProgramOutcome(status: 6, stdout: "two\n"))
                try garden.destroy(handle)
            }
        }
    }
}
