import Testing

extension Conformance {
    /// Programs on a terminal.
    @Suite struct Terminals {
        private func withTerminal(
            _ script: String, size: [String: Int]? = nil, _ body: (ProgramStream) throws -> Void
        ) throws {
            let garden = try SharedWorker.garden
            let terminal: [String: Any] = size.map { ["window_size": $0] } ?? [:]
            try garden.withContainer { handle in
                try body(try garden.run(handle, script: script, ["tty": terminal]).opened())
            }
        }

        @Test func outputIsOnOneStream() throws {
            try withTerminal("test -t 0 && test -t 1 && test -t 2 && echo out; echo err >&2; exit 3") { program in
                let outcome = try program.outcome()
                #expect(outcome == ProgramOutcome(status: 3, stdout: "out\r\nerr\r\n", stderr: ""))
            }
        }

        @Test func theSizeHasADefault() throws {
            try withTerminal("stty size") { program in
                let outcome = try program.outcome()
                #expect(outcome.stdout == "24 80\r\n")
            }
        }

        @Test func theSizeCanBeGiven() throws {
            try withTerminal("stty size", size: ["columns": 500, "rows": 400]) {
                let outcome = try $0.outcome()
                #expect(outcome.stdout == "400 500\r\n")
            }
        }

        @Test func resizesSignalTheProgram() throws {
            let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
            try withTerminal(script) { program in
                #expect(try program.stdout?.text(through: "\n") == "ready\r\n")
                try program.resize(columns: 91, rows: 21)
                #expect(try program.stdout?.restText() == "21 91\r\n")
                #expect(try program.exit() == 0)
            }
        }

        @Test func inputIsEchoedAndEndedByItsCharacter() throws {
            try withTerminal("cat; echo ended") { program in
                try program.write("typed\n")
                #expect(try program.stdout?.text(through: "typed\r\ntyped\r\n") == "typed\r\ntyped\r\n")
                try program.write("\u{4}")
                #expect(try program.stdout?.restText() == "ended\r\n")
                #expect(try program.exit() == 0)
            }
        }

        @Test func theInterruptCharacterInterrupts() throws {
            try withTerminal("echo ready; exec sleep 1000") { program in
                #expect(try program.stdout?.text(through: "\n") == "ready\r\n")
                try program.write("\u{3}")
                #expect(try program.exit() == 130)
            }
        }

        /// A payload that ends the input is what clients send when their own input ends; a terminal has no such end.
        @Test func theEndOfTheClientsInputIsNoHangUp() throws {
            try withTerminal("sleep 0.1; read line; echo got $line") { program in
                try program.write("x\n")
                try program.endInput()
                #expect(try program.stdout?.restText().hasSuffix("got x\r\n") == true)
                #expect(try program.exit() == 0)
            }
        }

        @Test func muchOutputArrivesWhole() throws {
            try withTerminal("stty -opost; head -c 3000000 /dev/zero | tr '\\0' 'x'; exit 8") { program in
                let bytes = try #require(try program.stdout?.rest())
                #expect(bytes.count == 3_000_000)
                #expect(bytes.allSatisfy { $0 == UInt8(ascii: "x") })
                #expect(try program.exit() == 8)
            }
        }

        @Test func theTerminalBelongsToTheUser() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let outcome = try garden.output(
                    handle, "test -w $(tty) && stat -c %U $(tty) && echo x >$(tty)", ["user": "alice", "tty": [:]])
                #expect(outcome.stdout == "alice\r\nx\r\n")
            }
        }

        /// Ask as the orchestrator does for tasks, and for programs that open their terminal by its name.
        @Test func theControllingTerminalIsThere() throws {
            try withTerminal("echo tty >/dev/tty; ls -l $(tty) | cut -c1; ls /dev/pts/ptmx") { program in
                let outcome = try program.outcome()
                #expect(outcome.stdout == "tty\r\nc\r\n/dev/pts/ptmx\r\n")
            }
        }
    }
}
