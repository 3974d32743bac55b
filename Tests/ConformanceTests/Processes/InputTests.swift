import Testing

extension Conformance {
    /// Standard input, signals, and clients that come and go.
    @Suite struct Input {
        @Test func inputArrivesAndEnds() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "cat; echo done")
                try program.write("one\n")
                #expect(try program.stdout?.text(through: "\n") == "one\n")
                try program.write("zwei äöü \u{1F6EB}\n")
                #expect(try program.stdout?.text(through: "\n") == "zwei äöü \u{1F6EB}\n")
                try program.endInput()
                #expect(try program.stdout?.restText() == "done\n")
                #expect(try program.exit() == 0)
            }
        }

        @Test func muchInputArrivesWhole() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "sha256sum")
                let text = numberedLines(bytes: 10 << 20)
                program.opened()
                try program.write(text)
                try program.endInput()
                #expect(try program.stdout?.text(through: "\n") == sha256(text) + "  -\n")
                #expect(try program.exit() == 0)
            }
        }

        @Test func muchInputComesBackThroughCat() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "cat")
                let text = numberedLines(bytes: 2 << 20)
                program.opened()
                let output = UncheckedBox(try #require(program.stdout))
                let writer = UncheckedBox(program)
                let echoed = concurrently(2) { index -> Int in
                    if index == 0 {
                        try writer.value.write(text)
                        try writer.value.endInput()
                        return 0
                    }
                    return try output.value.restText() == text ? 1 : 2
                }
                #expect(try echoed[1].get() == 1)
                #expect(try program.exit() == 0)
            }
        }

        @Test func aProgramThatDoesNotReadIsNoObstacle() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "exec <&-; echo closed; sleep 1000", ["id": "p"])
                #expect(try program.stdout?.text(through: "\n") == "closed\n")
                try program.write("nobody reads this\n")
                try program.signal(1)
                #expect(try program.exit() == 137)
            }
        }

        @Test func inputStaysOpenWithoutAnEnd() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "echo ready; cat; echo ended")
                #expect(try program.stdout?.text(through: "\n") == "ready\n")
                let answer = try garden.output(handle, "echo other")
                #expect(answer.stdout == "other\n")
                try program.write("x\n")
                #expect(try program.stdout?.text(through: "\n") == "x\n")
                try program.endInput()
                #expect(try program.stdout?.restText() == "ended\n")
            }
        }

        @Test(arguments: [(0, 143), (1, 137)])
        func signalsEndPrograms(signal: Int, status: Int) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, ["path": "sleep", "args": ["1000"]])
                try program.signal(signal)
                #expect(try program.exit() == status)
            }
        }

        @Test func programsMayCatchSignals() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done"
                let program = try garden.run(handle, script: script)
                #expect(try program.stdout?.text(through: "\n") == "ready\n")
                // After the end of input too.
                try program.endInput()
                try program.signal(0)
                #expect(try program.stdout?.restText() == "caught\n")
                #expect(try program.exit() == 9)
            }
        }

        @Test func garbageEndsTheInputOnly() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                for garbage in ["{\"signal\":77}\n", "nonsense\n", "{\"source\":1,\"data\":\"x\"}\n", "[]\n"] {
                    let program = try garden.run(handle, script: "cat; echo ended; exit 4")
                    try program.main.send(garbage)
                    #expect(try program.outcome() == ProgramOutcome(status: 4, stdout: "ended\n"))
                }
            }
        }

        @Test func aVanishedClientLeavesTheProgramAlive() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let script = "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; exit 6"
                let program = try garden.run(handle, script: script, ["id": "p"])
                let output = try #require(program.stdout)
                let first = try output.text(through: "100\n")
                // What it was sent and did not read is gone with it; what it was not sent is kept.
                program.vanish()
                let rest = try garden.attach(handle, "p").outcome()
                #expect(rest.status == 6)
                let lines = rest.stdout.split(separator: "\n").compactMap { Int($0) }
                #expect(lines == Array((lines.first ?? 3000)..<3000), "no gap in \(rest.stdout.prefix(100))")
                #expect(first.hasPrefix("0\n1\n2\n"))
            }
        }

        @Test func aClientThatClosesCleanlyMissesNothing() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "echo a; cat; echo b", ["id": "p", "tty": [:]])
                #expect(try program.stdout?.text(through: "\r\n") == "a\r\n")
                program.vanish()
                let again = try garden.attach(handle, "p")
                try again.write("x\n\u{4}")
                #expect(try again.stdout?.restText() == "x\r\nx\r\nb\r\n")
                #expect(try again.exit() == 0)
            }
        }
    }
}
