internal import Kernel
internal import Runtime

/// Keeps what containers used when it was read last, and reads it anew for some of them at a time.
actor UseSampler {
    /// Containers that are read at one look; each takes about 100 µs, so that a look takes 20 ms at most.
    private static let readingsMax = 200
    /// Readings closer than this say nothing of the rate, nanoseconds.
    private static let intervalMin: UInt64 = 200_000_000

    private struct Reading {
        var use = ContainerUse()
        /// When it was read, in nanoseconds of CLOCK_BOOTTIME.
        var time: UInt64 = 0
    }

    private var readings: [String: Reading] = [:]

    /// What is known of these containers, after those that were read longest ago have been read again.
    func sample(_ handles: [String], _ read: @Sendable (String) -> CgroupUsage?) -> [String: ContainerUse] {
        let now = bootTime()
        let known = Set(handles)
        readings = readings.filter { known.contains($0.key) }
        let due = handles.map { (handle: $0, time: readings[$0]?.time ?? 0) }
            .filter { now - min($0.time, now) >= Self.intervalMin }
            .sorted { $0.time < $1.time }
        for (handle, _) in due.prefix(Self.readingsMax) {
            guard let usage = read(handle) else { continue }
            readings[handle] = Self.reading(usage, at: bootTime(), after: readings[handle])
        }
        return readings.mapValues(\.use)
    }

    private static func reading(_ usage: CgroupUsage, at time: UInt64, after former: Reading?) -> Reading {
        var use = ContainerUse()
        use.memoryBytes = usage.memoryBytes
        use.tasks = usage.pids
        use.oomKills = usage.oomKills
        if let user = usage.cpuUserNanoseconds { use.cpuNanoseconds = user &+ (usage.cpuSystemNanoseconds ?? 0) }
        if let former, let before = former.use.cpuNanoseconds, let after = use.cpuNanoseconds, time > former.time {
            use.processors = Double(after - min(before, after)) / Double(time - former.time)
        }
        return Reading(use: use, time: time)
    }
}
