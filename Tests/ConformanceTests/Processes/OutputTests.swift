import Testing

extension Conformance {
    /// What programs write and how they end.
    @Suite struct Output {
        @Test func headsAreRawAfterTheBlankLine() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "echo hello", ["id": "p1"])
                let date = try #require(ReplyHead(program.head).headers["date"])
                #expect(
                    program.head == "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nDate: \(date)\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n")
                #expect(program.opening == #"{"process_id":"p1","stream_id":"\#(program.streamID)"}"# + "\n")

                let wire = try Wire(to: garden.address)
                try wire.send(
                    Garden.request(
                        "GET", "/containers/\(handle)/processes/p1/attaches/\(program.streamID)/stdout",
                        headers: ["Content-Type: application/json"]))
                let head = ReplyHead(try wire.text(through: "\r\n\r\n"))
                #expect(head.status == 200)
                #expect(head.names == ["Date", "Transfer-Encoding"])
                #expect(try wire.restText() == "hello\n")
                #expect(try program.main.restText() == #"{"process_id":"p1","exit_status":0}"# + "\n")

                let again = try garden.attach(handle, "p1")
                #expect(again.head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: "))
            }
        }

        @Test func exitCodesAreKept() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                for code in [0, 1, 2, 42, 126, 127, 128, 143, 255] {
                    let outcome = try garden.output(handle, "exit \(code)")
                    #expect(outcome.status == code)
                }
            }
        }

        @Test func streamsAreSeparate() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let script = "for i in 1 2 3 4 5 6 7 8 9; do echo out$i; echo err$i >&2; done"
                let outcome = try garden.output(handle, script)
                #expect(outcome.stdout == (1...9).map { "out\($0)\n" }.joined())
                #expect(outcome.stderr == (1...9).map { "err\($0)\n" }.joined())
            }
        }

        @Test func bytesAreNotText() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: #"printf '\000\377\200\r\n\012'"#)
                #expect(try program.stdout?.rest() == [0, 255, 128, 13, 10, 10])
            }
        }

        /// A daemon left in the background is no reason to keep the client waiting for the status.
        @Test func aBackgroundChildDoesNotDelayTheStatus() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "sleep 1000 & echo started; exit 7")
                program.opened()
                #expect(try program.exit() == 7)
                #expect(try program.stdout?.text(through: "\n") == "started\n")
            }
        }

        @Test func everyAttacherGetsTheOutput() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let first = try garden.run(handle, script: "read x; echo $x; echo e$x >&2; exit 3", ["id": "p"])
                let second = try garden.attach(handle, "p")
                first.opened()
                second.opened()
                #expect(first.streamID != second.streamID)
                try first.write("both\n")
                for program in [first, second] {
                    #expect(try program.outcome() == ProgramOutcome(status: 3, stdout: "both\n", stderr: "eboth\n"))
                }
            }
        }

        @Test func aFinishedProgramTellsItsUnreadOutputAndStatus() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "echo unread; exit 5", ["id": "p"])
                #expect(try program.exit() == 5)
                #expect(
                    try garden.attach(handle, "p").outcome()
                        == ProgramOutcome(status: 5, stdout: "unread\n", stderr: ""))
                // As often as asked.
                for _ in 0..<3 { #expect(try garden.attach(handle, "p").exit() == 5) }
            }
        }

        @Test func anUnknownStreamIsEmpty() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "read x", ["id": "p"])
                for path in ["p/attaches/no-such/stdout", "p/attaches/no-such/stderr", "other/attaches/1/stdout"] {
                    let wire = try Wire(to: garden.address)
                    try wire.send(Garden.request("GET", "/containers/\(handle)/processes/\(path)"))
                    #expect(ReplyHead(try wire.text(through: "\r\n\r\n")).status == 200)
                    #expect(try wire.rest().isEmpty)
                }
                try program.endInput()
                #expect(try program.exit() == 1)
            }
        }

        @Test func idsAreTakenAfterTheFirstReply() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "read x", ["id": "p"])
                for expected in ["running", "finished"] {
                    let refusal = #expect(throws: Garden.Refusal.self, "\(expected)") {
                        try garden.run(handle, script: "read x", ["id": "p"])
                    }
                    let reply = try #require(refusal).reply
                    #expect(reply.status == 500)
                    let message = try reply.json()["Message"].string ?? ""
                    #expect(message.contains(#/already (in use|exists)/#))
                    try? program.endInput()
                    _ = try program.end()
                }
            }
        }

        @Test func idsAreMadeUpWhenNoneIsGiven() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let ids = try (0..<3).map { _ in try garden.run(handle, script: ":").processID }
                #expect(Set(ids).count == 3)
                #expect(ids.allSatisfy { !$0.isEmpty })
            }
        }
    }
}
