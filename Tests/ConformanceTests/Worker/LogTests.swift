import Kernel
import TestSupport
import Testing

extension Conformance {
    /// What the worker says, and how much of it.
    @Suite struct Logs {
        @Test(.ownWorker) func noLineForARequestAtInfoAndDebugOnDemand() throws {
            try withWorker(flags: ["--log-level", "info"]) { worker in
                let garden = worker.garden
                func requests() throws {
                    let handle = try garden.create()
                    _ = try garden.run(handle, script: "exit 1").outcome()
                    try garden.call("GET", "/containers/none/info")
                    try garden.destroy(handle)
                }
                let before = worker.log
                for _ in 0..<5 { try requests() }
                #expect(worker.log == before)

                try hangUp(worker)
                try worker.poll("the level to be debug") {
                    worker.log.contains(#""level":"notice","message":"log level"#)
                }
                try requests()
                #expect(worker.log.contains(#""level":"debug""#))

                let count = worker.log.split(separator: "\n").count
                try hangUp(worker)
                try worker.poll("the level to be info again") {
                    worker.log.split(separator: "\n").dropFirst(count).contains { $0.contains("log level changes") }
                }
                let after = worker.log
                try requests()
                #expect(worker.log == after)
            }
        }

        private func hangUp(_ worker: WorkerUnderTest) throws {
            guard let process = try openProcess(try #require(worker.pid)) else {
                throw Wire.Failure(description: "the worker is gone")
            }
            try sendSignal(1, to: process)
        }
    }
}
