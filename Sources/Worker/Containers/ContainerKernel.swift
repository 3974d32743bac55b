internal import Kernel
internal import Runtime
internal import Synchronization

/// What exists of a container in the kernel: process 1, its cgroups, its address.
final class ContainerKernel: Sendable {
    /// How long a killed container may take to be gone; longer means a process stuck in the kernel.
    private static let killMillisecondsMax: Int32 = 30_000

    let process: InitProcess
    let cgroup: ContainerCgroup?
    let address: String?
    private let state = Mutex(State())

    private struct State {
        /// Of the connection to process 1.
        var reports: PumpRegistration?
        /// Of its end.
        var end: PumpRegistration?
        var hasEnded = false
        var isBeingDestroyed = false
        /// What the groups' counters were, and when.
        var usage: (CgroupUsage, time: UInt64)?
    }

    /// Counters that are younger than this, in nanoseconds, are not read again for the account of the container.
    private static let usageAgeMax: UInt64 = 200_000_000

    init(_ launched: ContainerLaunch.Launched) {
        process = launched.process
        cgroup = launched.cgroup
        address = launched.address
    }

    init(process: InitProcess, cgroup: ContainerCgroup?, address: String?) {
        self.process = process
        self.cgroup = cgroup
        self.address = address
    }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }
    var isBeingDestroyed: Bool { state.withLock { $0.isBeingDestroyed } }

    /// Reads the counters of the container's groups.
    func readUsage() -> CgroupUsage? {
        guard let usage = cgroup?.totals() else { return nil }
        state.withLock { $0.usage = (usage, bootTime()) }
        return usage
    }

    /// The counters as they are, or were a moment ago: reading them takes as long as a small program.
    func recentUsage() -> CgroupUsage? {
        if let (usage, time) = state.withLock({ $0.usage }), bootTime() - time < ContainerKernel.usageAgeMax {
            return usage
        }
        return readUsage()
    }

    func noteEnd() {
        state.withLock { state in
            state.hasEnded = true
            (state.reports, state.end) = (nil, nil)
        }
    }

    /// From now on its end is no news, and what process 1 reports is read from its ledger.
    func noteDestruction() {
        state.withLock { state in
            state.isBeingDestroyed = true
            (state.reports, state.end) = (nil, nil)
        }
    }

    /// It is not destroyed after all; to be watched again.
    func noteSurvival() { state.withLock { $0.isBeingDestroyed = false } }

    /// Has the pump take in what process 1 reports, which is the ends of programs: there is nothing to be watched before
    /// the first one, and its replies would only wake the pump.
    func watch(with pump: Pump) throws {
        if state.withLock({ $0.reports != nil || $0.isBeingDestroyed }) { return }
        let connection = process.connection
        let registration = try pump.register(SharedDescriptor(connection.duplicate()), [.readable, .edges]) { _ in
            connection.drain()
        }
        state.withLock { $0.reports = registration }
        // What came before the registration raises no event.
        connection.drain()
    }

    /// Has the pump call `handler`, on its thread, when process 1 is gone.
    func watchEnd(with pump: Pump, _ handler: @escaping @Sendable () -> Void) throws {
        let registration = try pump.register(process.descriptor, [.readable, .once]) { events in
            if !events.contains(.pumpStopped) { handler() }
        }
        state.withLock { $0.end = registration }
    }

    /// Sends SIGKILL to everything.
    func kill() throws {
        try process.kill()
        try cgroup?.kill()
    }

    /// Waits until process 1, and with it every process of its namespace, is gone.
    func waitUntilGone() throws {
        guard try process.waitForEnd(milliseconds: ContainerKernel.killMillisecondsMax) else {
            throw KernelError(
                call: "waitid", errno: .timedOut,
                subject: "process 1 (pid \(process.pid)) did not end within 30 s of SIGKILL")
        }
        noteEnd()
    }

    /// Why process 1 is gone, as far as can be told.
    func causeOfDeath() -> String {
        if let kills = cgroup?.oomKills(), kills > 0 {
            return "process 1 of the container died; the kernel killed \(kills) of its processes for want of memory"
        }
        return "process 1 of the container was killed from outside"
    }

    /// Removes what a dead process 1 has left, so that another can be started.
    func removeRemains(of handle: String, _ facilities: Facilities) throws {
        state.withLock { ($0.reports, $0.end) = (nil, nil) }
        try cgroup?.kill()
        try cgroup?.remove()
        try facilities.releaseAddress(address, of: handle)
    }
}
