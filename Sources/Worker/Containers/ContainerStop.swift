internal import Kernel
internal import Runtime
internal import Telemetry

extension Container {
    /// How long programs have between SIGTERM and SIGKILL, and how long SIGKILL is waited for.
    private static let graceSeconds = 10
    /// How often it is looked whether all are gone; programs not started by us send no report.
    private static let pollMilliseconds = 10

    /// Ends all programs and whatever they started; process 1 stays.
    func stop(kill: Bool) async throws {
        guard let kernel, !kernel.hasEnded else {
            status.set(.stopped)
            return
        }
        try await traced(.containerStop) { span in
            span.setHandle(handle)
            span.set("apron.stop.kind", kill ? "kill" : "terminate")
            if let context = definition.context { span.link(Link(context, type: "created_by")) }
            var phases = span.phases()
            if !kill {
                try phases.run(.kill) { _ in try kernel.process.signal(15, to: nil) }
                if try await phases.run(.wait, { _ in try await waitUntilStopped(kernel) }) {
                    status.set(.stopped)
                    return
                }
            }
            try phases.run(.kill) { _ in try kernel.process.signal(9, to: nil) }
            let isGone = try await phases.run(.wait) { _ in try await waitUntilStopped(kernel) }
            guard isGone else {
                throw WorkerError(
                    .failed,
                    "processes of container \(handle) did not end within \(Container.graceSeconds) s of SIGKILL",
                    handle: handle)
            }
            status.set(.stopped)
        }
    }

    private func waitUntilStopped(_ kernel: ContainerKernel) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(Container.graceSeconds)
        while true {
            if try kernel.isIdle() { return true }
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: .milliseconds(Container.pollMilliseconds))
        }
    }
}

extension ContainerKernel {
    /// Whether process 1 is alone.
    func isIdle() throws -> Bool {
        guard let cgroup else { return try process.list().allSatisfy { $0.exit != nil } }
        return try cgroup.processes().allSatisfy { $0 == process.pid }
    }
}
