internal import Runtime
internal import Telemetry

/// What a program or container used, as span attributes (seconds, bytes, counts).
enum UsageAttributes {
    /// The counters of wait4(2).
    static func set(_ exit: ExitRecord, on span: OpenSpan) {
        span.set { attributes in
            attributes.set("process.exit.code", Int64(exit.code))
            attributes.set("apron.exit.signal", exit.signal.map { Int64($0) })
            attributes.set("apron.usage.cpu.user", Double(exit.userMicroseconds) / 1e6)
            attributes.set("apron.usage.cpu.system", Double(exit.systemMicroseconds) / 1e6)
            attributes.set("apron.usage.memory.max_rss", Int64(clamping: exit.maxResidentKiB &* 1024))
            attributes.set("apron.usage.paging.minor", Int64(clamping: exit.minorFaults))
            attributes.set("apron.usage.paging.major", Int64(clamping: exit.majorFaults))
            attributes.set("apron.usage.context_switch.voluntary", Int64(clamping: exit.voluntarySwitches))
            attributes.set("apron.usage.context_switch.involuntary", Int64(clamping: exit.involuntarySwitches))
            attributes.set("apron.usage.disk.read", Int64(clamping: exit.blocksRead &* 512))
            attributes.set("apron.usage.disk.write", Int64(clamping: exit.blocksWritten &* 512))
        }
    }

    /// The counters of the container's cgroups, at the end of one of its programs.
    static func set(_ usage: CgroupUsage?, on span: OpenSpan) {
        for (key, value) in values(usage) { span.set(key, value) }
    }

    /// The same for a phase.
    static func set(_ usage: CgroupUsage?, on span: PhaseSpan) {
        for (key, value) in values(usage) { span.set(key, value) }
    }

    private static func values(_ usage: CgroupUsage?) -> [(AttributeKey, AttributeValue)] {
        guard let usage else { return [] }
        var values: [(AttributeKey, AttributeValue)] = []
        func count(_ key: AttributeKey, _ value: UInt64?) {
            if let value { values.append((key, .int(Int64(clamping: value)))) }
        }
        func seconds(_ key: AttributeKey, nanoseconds: UInt64?) {
            if let nanoseconds { values.append((key, .double(Double(nanoseconds) / 1e9))) }
        }
        func pressure(_ some: AttributeKey, _ full: AttributeKey, _ pressure: CgroupUsage.Pressure) {
            seconds(some, nanoseconds: pressure.someMicroseconds.map { $0 &* 1000 })
            seconds(full, nanoseconds: pressure.fullMicroseconds.map { $0 &* 1000 })
        }
        seconds("apron.usage.cpu.throttled", nanoseconds: usage.cpuThrottledNanoseconds)
        count("apron.usage.memory.peak", usage.memoryPeakBytes)
        count("apron.usage.memory.oom_kill", usage.oomKills)
        count("apron.usage.pids.peak", usage.pidsPeak)
        count("apron.usage.io.read", usage.ioReadBytes)
        count("apron.usage.io.write", usage.ioWriteBytes)
        pressure("apron.pressure.cpu.some", "apron.pressure.cpu.full", usage.cpuPressure)
        pressure("apron.pressure.memory.some", "apron.pressure.memory.full", usage.memoryPressure)
        pressure("apron.pressure.io.some", "apron.pressure.io.full", usage.ioPressure)
        return values
    }
}
