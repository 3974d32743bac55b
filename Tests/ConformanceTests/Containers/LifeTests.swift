import Foundation
import Testing

extension Conformance {
    /// Stop and destroy, many at once, and in each other's way.
    @Suite struct Life {
        /// Ignores SIGTERM, and so does what it starts.
        private static let stubborn = "trap '' TERM; sleep 1000 & echo ready; while :; do sleep 0.05; done"

        @Test func killingIsQuick() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: Life.stubborn).opened()
                #expect(try program.stdout?.text(through: "\n") == "ready\n")
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": true])
                #expect(try program.exit() == 137)
                #expect(try garden.info(handle)["State"].string == "stopped")
                // The container is still there.
                #expect(try garden.output(handle, "echo again").stdout == "again\n")
                #expect(try garden.info(handle)["State"].string == "active")
            }
        }

        @Test func stoppingTerminatesFirst() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done"
                let program = try garden.run(handle, script: script).opened()
                #expect(try program.stdout?.text(through: "\n") == "ready\n")
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": false])
                let outcome = try program.outcome()
                #expect(outcome.status == 5)
                #expect(outcome.stdout == "bye\n")
                // Nothing to stop is no failure.
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": false])
            }
        }

        @Test func stoppingKillsAfterTenSeconds() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: Life.stubborn).opened()
                #expect(try program.stdout?.text(through: "\n") == "ready\n")
                let start = Date.now
                try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": false])
                #expect(Date.now.timeIntervalSince(start) >= 9.9)
                #expect(try program.exit() == 137)
            }
        }

        @Test func destroyingTwiceAtOnceHappensOnce() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create()
            _ = try garden.run(handle, script: "sleep 1000")
            let replies = try concurrently(4) { _ in try garden.call("DELETE", "/containers/\(handle)") }.map {
                try $0.get()
            }
            #expect(replies.count { $0.status == 200 } == 1)
            for reply in replies where reply.status != 200 {
                #expect(reply.status == 404 || reply.text.contains("already being destroyed"), "\(reply.text)")
            }
            #expect(try garden.call("DELETE", "/containers/\(handle)").status == 404)
        }

        @Test func destroyingWhileBeingMadeLeavesNothing() throws {
            let garden = try SharedWorker.garden
            for _ in 0..<10 {
                let handle = Garden.newHandle()
                let replies = try concurrently(2) { index in
                    index == 0
                        ? try garden.call("POST", "/containers", JSON.encode(["handle": handle]))
                        : try garden.call("DELETE", "/containers/\(handle)")
                }.map { try $0.get() }
                #expect(replies[0].status == 200, "\(replies[0].text)")
                if replies[1].status == 404 { try garden.destroy(handle) } else { #expect(replies[1].status == 200) }
                #expect(try !garden.handles().contains(handle))
            }
        }

        @Test func destroyingEndsStreams() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create()
            let program = try garden.run(handle, script: "sleep 1000").opened()
            try garden.destroy(handle)
            #expect(try program.stdout?.rest().isEmpty == true)
            #expect(try program.stderr?.rest().isEmpty == true)
            #expect(try program.exit() == 137)
        }

        @Test func aHandleCanBeUsedAgain() throws {
            let garden = try SharedWorker.garden
            let handle = Garden.newHandle()
            for round in 0..<5 {
                try garden.withContainer(["handle": handle, "properties": ["round": "\(round)"]]) { handle throws in
                    #expect(
                        try garden.output(handle, "ls /mark 2>/dev/null; touch /mark; echo \(round)").stdout
                            == "\(round)\n")
                    #expect(try garden.info(handle)["Properties"]["round"].string == "\(round)")
                }
            }
        }

        @Test func manyContainersAtOnce() throws {
            let garden = try SharedWorker.garden
            let outcomes = concurrently(200) { index -> String in
                try garden.withContainer(["privileged": index % 4 == 0]) { handle in
                    try garden.output(handle, "echo \(index)").stdout
                }
            }
            for (index, outcome) in outcomes.enumerated() {
                let written = try outcome.get()
                #expect(written == "\(index)\n")
            }
        }

        @Test(.ownWorker) func theMostContainersAreTheMost() throws {
            try withWorker(flags: ["--containerd-max-containers", "3"]) { worker in
                let garden = worker.garden
                let handles = try (0..<3).map { _ in try garden.create() }
                let reply = try garden.call("POST", "/containers", "{}")
                #expect(reply.status == 500)
                #expect(try reply.json()["Message"].string?.contains("max containers reached") == true)
                #expect(try garden.ask("GET", "/capacity")["max_containers"].integer == 3)
                try garden.destroy(handles[0])
                try garden.destroy(try garden.create())
                for handle in handles[1...] { try garden.destroy(handle) }
            }
        }

        @Test(.ownWorker) func aKilledProcessOneIsReportedAndStartedAgain() throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let program = try garden.run(handle, script: "echo up; sleep 1000", ["id": "p"]).opened()
                #expect(try program.stdout?.text(through: "\n") == "up\n")
                try worker.killProcessOne(of: handle)
                let end = try #require(try program.end())
                #expect(end["error"].string?.contains("killed from outside") == true)
                #expect(try program.stdout?.rest().isEmpty == true)
                try worker.poll("the container to be told dead") {
                    try garden.info(handle)["State"].string == "stopped"
                }
                #expect(try garden.info(handle)["Events"].strings.contains { $0.contains("process 1") })
                #expect(try garden.handles() == [handle])
                // The next program gets a new process 1.
                #expect(try garden.output(handle, "echo again").stdout == "again\n")
                #expect(try garden.info(handle)["State"].string == "active")
                try worker.killProcessOne(of: handle)
                try garden.destroy(handle)
                #expect(try garden.handles().isEmpty)
            }
        }

        @Test(.ownWorker) func aProcessOneThatDiedMeanwhileIsReported() throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let program = try garden.run(handle, script: "echo up; sleep 1000", ["id": "p"]).opened()
                #expect(try program.stdout?.text(through: "\n") == "up\n")
                let pid = try worker.processOne(of: handle)
                try worker.end(by: 9)
                try worker.kill(pid: pid)
                try worker.start()
                #expect(try garden.handles() == [handle])
                #expect(try garden.info(handle)["State"].string == "stopped")
                #expect(try garden.attach(handle, "p").end()?["error"].string?.contains("process 1") == true)
                #expect(try garden.output(handle, "echo again").stdout == "again\n")
                try garden.destroy(handle)
            }
        }
    }
}
