import Kernel
import TestSupport
import Testing

extension Conformance {
    /// A worker that dies in the middle of everything and comes back.
    @Suite(.ownWorker) struct Restart {
        /// Numbered lines, the second half of them not before ``goOn(_:_:)``, and a status of its own.
        private static let script = """
            i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); sleep 0.01
            while [ $i -eq 200 ] && ! [ -e /tmp/on ]; do sleep 0.02; done; done; exit 23
            """

        /// Lets the script come to its end, which it never does while the worker is away.
        private func goOn(_ garden: Garden, _ handle: String) throws {
            #expect(try garden.output(handle, "echo >/tmp/on").status == 0)
        }

        /// Joins what was read before and after; the last write before the death may be there twice.
        private func numbers(_ first: String, _ second: String, separator: String) -> [Int] {
            var known = first.split(separator: separator).compactMap { Int($0) }
            // A line cut in the middle was read in part; its rest comes first.
            var rest = second[...]
            if !first.hasSuffix(separator), !first.isEmpty {
                let cut =
                    first.split(separator: separator, omittingEmptySubsequences: false).last.map(String.init) ?? ""
                if let number = Int(cut) { known.removeAll { $0 == number } }
                rest = (cut + second)[...]
            }
            var later = rest.split(separator: separator).compactMap { Int($0) }
            while let next = later.first, let last = known.last, next <= last, next > last - 2 { later.removeFirst() }
            return known + later
        }

        @Test(arguments: [false, true])
        func outputGoesOnAfterSIGKILL(terminal: Bool) throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let spec: [String: Any] = terminal ? ["id": "p", "tty": [:]] : ["id": "p"]
                let program = try garden.run(handle, script: Restart.script, spec).opened()
                let separator = terminal ? "\r\n" : "\n"
                var read = try program.stdout?.text(through: "50\(separator)") ?? ""
                try worker.end(by: 9)
                read += try program.stdout?.restText() ?? ""
                #expect(try program.exit() == nil)
                try worker.start()
                try goOn(garden, handle)
                let outcome = try garden.attach(handle, "p").outcome()
                #expect(outcome.status == 23)
                #expect(numbers(read, outcome.stdout, separator: separator) == Array(0..<400))
                try garden.destroy(handle)
            }
        }

        @Test func outputGoesOnWithoutReader() throws {
            try withWorker { worker in
                let handle = try worker.garden.create()
                let program = try worker.garden.run(handle, script: Restart.script, ["id": "p"])
                program.vanish()
                for _ in 0..<3 { try worker.restart() }
                try goOn(worker.garden, handle)
                let outcome = try worker.garden.attach(handle, "p").outcome()
                #expect(outcome.status == 23)
                #expect(outcome.stdout.split(separator: "\n").compactMap { Int($0) } == Array(0..<400))
                try worker.garden.destroy(handle)
            }
        }

        /// More than a pipe holds waits for the worker; nothing of it is lost.
        @Test(arguments: [false, true])
        func programsEndWhileTheWorkerIsAway(terminal: Bool) throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let script = "sleep 0.2; echo early; echo error >&2; exit 31"
                let spec: [String: Any] = terminal ? ["id": "p", "tty": [:]] : ["id": "p"]
                let program = try garden.run(handle, script: script, spec).opened()
                // The program ends before the worker is back, or on a slow machine afterwards: both must work.
                try worker.end(by: 9)
                var early = try program.stdout?.restText() ?? ""
                try worker.start()
                let outcome = try garden.attach(handle, "p").outcome()
                #expect(outcome.status == 31)
                early += outcome.stdout
                #expect(early.contains("early"))
                // Asked again, also after another restart.
                #expect(try garden.attach(handle, "p").exit() == 31)
                try worker.restart()
                #expect(try garden.attach(handle, "p").exit() == 31)
                try garden.destroy(handle)
            }
        }

        @Test func longWaitsEndToo() throws {
            try withWorker { worker in
                let handle = try worker.garden.create()
                let script = "sleep 1; head -c 40000 /dev/zero; echo end; exit 32"
                let program = try worker.garden.run(handle, script: script, ["id": "p"])
                try worker.end(by: 9)
                // Ends while nobody is there: process 1 keeps it.
                try runSleep(seconds: 2)
                try worker.start()
                _ = program
                let outcome = try worker.garden.attach(handle, "p").outcome()
                #expect(outcome.status == 32)
                #expect(outcome.stdout.utf8.count == 40_004)
                try worker.garden.destroy(handle)
            }
        }

        @Test func aStopLeavesContainersAlone() throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create(["properties": ["k": "v"]])
                let program = try garden.run(handle, script: "echo up; read x; echo $x; exit 3", ["id": "p"]).opened()
                #expect(try program.stdout?.text(through: "\n") == "up\n")
                try worker.end(by: 15)
                // Neither a status nor an error: the client is to come back.
                #expect(try program.main.rest().isEmpty)
                #expect(try program.stdout?.rest().isEmpty == true)
                #expect(try program.stderr?.rest().isEmpty == true)
                try worker.start()
                #expect(try garden.handles("?k=v") == [handle])
                let again = try garden.attach(handle, "p").opened()
                // Its input is still open.
                try again.write("still here\n")
                #expect(try again.outcome() == ProgramOutcome(status: 3, stdout: "still here\n"))
                try garden.destroy(handle)
            }
        }

        @Test func theListIsCompleteAtTheFirstAnswer() throws {
            try withWorker { worker in
                let handles = try (0..<20).map { _ in try worker.garden.create() }
                try worker.end(by: 9)
                try worker.launch()
                var first: [String]?
                try worker.poll("the first answer") {
                    first = try? worker.garden.handles()
                    return first != nil
                }
                #expect(first.map(Set.init) == Set(handles))
                for handle in handles {
                    #expect(try worker.garden.output(handle, "echo alive").stdout == "alive\n")
                    try worker.garden.destroy(handle)
                }
            }
        }

        @Test func propertiesSurvive() throws {
            try withWorker { worker in
                let garden = worker.garden
                let large = String(repeating: "0123456789abcdef", count: 1 << 16)
                let handle = try garden.create(["properties": ["given": "1", "gone": "2"]])
                try garden.ask("PUT", "/containers/\(handle)/properties/large", ["value": large])
                try garden.ask("PUT", "/containers/\(handle)/properties/a%2Fb%20c", ["value": "ä\u{0}\n\"<&>"])
                try garden.ask("DELETE", "/containers/\(handle)/properties/gone")
                try worker.restart()
                let all = try garden.ask("GET", "/containers/\(handle)/properties")
                #expect(all.keys == ["given", "large", "a/b c"])
                #expect(all["large"].string == large)
                #expect(all["a/b c"].string == "ä\u{0}\n\"<&>")
                try garden.destroy(handle)
            }
        }

        @Test func spansOutliveTheWorker() throws {
            try withWorker { worker in
                let garden = worker.garden
                let handle = try garden.create()
                let program = try garden.run(handle, script: "read x; exit 4", ["id": "p"])
                let before = try SpanTree(garden, handle)
                let open = try #require(before.first("process"))
                #expect(open.isOpen)
                program.vanish()
                try worker.restart()
                let again = try garden.attach(handle, "p")
                try again.endInput()
                #expect(try again.exit() != nil)
                try worker.poll("the process's span to end") {
                    try SpanTree(garden, handle).first("process")?.isOpen == false
                }
                let ended = try #require(try SpanTree(garden, handle).first("process"))
                #expect(ended.id == open.id)
                #expect(ended.traceID == open.traceID)
                #expect(ended.events.contains("worker_restarted"))
                try garden.destroy(handle)
            }
        }

        @Test func spansAreSentOnce() throws {
            let scratch = try Scratch()
            let file = "\(scratch.path)/spans"
            try withWorker(flags: ["--trace-output", "otlp-json", "--trace-file", file]) { worker in
                let garden = worker.garden
                let handle = try garden.create()
                #expect(try garden.output(handle, "exit 3", ["id": "ended"]).status == 3)
                let living = try garden.run(handle, script: "read x; exit 4", ["id": "living"])
                living.vanish()
                // Ended in its container's death, and read by nobody.
                let lost = try garden.create()
                _ = try garden.run(lost, script: "sleep 1000", ["id": "lost"])
                try worker.killProcessOne(of: lost)
                let told = { (handle: String) in
                    "\(worker.workDirectory)/containers/live/\(handle)/processes/1.told"
                }
                for mark in [told(handle), told(lost)] {
                    try worker.poll("\(mark) to be there") { (try? KernelFile.read(mark)) != nil }
                }
                for _ in 0..<3 { try worker.restart() }
                // Still known, and still to be referred to.
                #expect(try garden.attach(handle, "ended").exit() == 3)
                let again = try garden.attach(handle, "living")
                try again.endInput()
                #expect(try again.exit() == 4)
                for handle in [handle, lost] { try garden.destroy(handle) }
                // Its end brings all spans to the file; the next one deletes what was removed.
                try worker.restart(by: 15)
                let spans = try ExportedSpans(file)
                let processes = spans.all.filter { $0.name == "process" }
                #expect(Set(processes.map { $0["apron.process.id"] }) == ["ended", "living", "lost"])
                #expect(processes.count == 3, "\(processes.map { $0["apron.process.id"] })")
                let ended = try #require(processes.first { $0["apron.process.id"] == "ended" })
                #expect(!ended.events.contains("worker_restarted"))
                let attach = try #require(spans.all.first { $0.name == "process.attach" })
                #expect(attach.linkedSpans.contains(ended.id))
            }
        }

        @Test func destroyWorksAfterARestart() throws {
            try withWorker { worker in
                let handle = try worker.garden.create(["netout_rules": [[:]]])
                _ = try worker.garden.run(handle, script: "sleep 1000 & sleep 1000")
                try worker.restart()
                try worker.garden.destroy(handle)
                #expect(try worker.garden.handles().isEmpty)
            }
        }
    }
}
