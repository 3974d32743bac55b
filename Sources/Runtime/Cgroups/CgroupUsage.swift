public import Kernel

/// What a container has used since its creation; nil where the host does not count it.
public struct CgroupUsage: Hashable, Sendable {
    /// Time that all tasks or some of them (`some`), or every one at once (`full`), waited for a resource, in µs.
    public struct Pressure: Hashable, Sendable {
        /// At least one task waited.
        public var someMicroseconds: UInt64?
        /// All tasks waited.
        public var fullMicroseconds: UInt64?
    }

    /// CPU time in user mode, nanoseconds.
    public var cpuUserNanoseconds: UInt64?
    /// CPU time in the kernel, nanoseconds.
    public var cpuSystemNanoseconds: UInt64?
    /// Time for which the CPU quota held tasks back, nanoseconds.
    public var cpuThrottledNanoseconds: UInt64?
    /// Memory in use now, bytes.
    public var memoryBytes: UInt64?
    /// The most memory that was in use at a time, bytes (Linux 5.19 on v2).
    public var memoryPeakBytes: UInt64?
    /// Processes killed for want of memory.
    public var oomKills: UInt64?
    /// Processes and threads now.
    public var pids: UInt64?
    /// The most processes and threads at a time (Linux 6.1 on v2).
    public var pidsPeak: UInt64?
    /// Bytes read from block devices.
    public var ioReadBytes: UInt64?
    /// Bytes written to block devices.
    public var ioWriteBytes: UInt64?
    /// Waiting for a processor (v2).
    public var cpuPressure = Pressure()
    /// Waiting for memory (v2).
    public var memoryPressure = Pressure()
    /// Waiting for block devices (v2).
    public var ioPressure = Pressure()

    /// No figure known.
    public init() {}

    /// The value after a word at the start of a line: `oom_kill 3`.
    static func value(_ key: String, in text: String) -> UInt64? {
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) where line.starts(with: key.utf8) {
            let rest = line.dropFirst(key.utf8.count)
            if rest.first == UInt8(ascii: " ") { return UInt64(Substring(rest.dropFirst())) }
        }
        return nil
    }

    /// The `total=` of both lines of a pressure file, which is their last word (accounting/psi.rst).
    static func pressure(in text: String) -> Pressure {
        var pressure = Pressure()
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let total = line.lastIndex(of: UInt8(ascii: "=")).flatMap { UInt64(Substring(line[$0...].dropFirst())) }
            if line.starts(with: "some ".utf8) { pressure.someMicroseconds = total }
            if line.starts(with: "full ".utf8) { pressure.fullMicroseconds = total }
        }
        return pressure
    }

    /// The sum of a field over all devices of `io.stat`: `8:0 rbytes=1 wbytes=2 …`.
    static func sum(_ field: String, inDevices text: String) -> UInt64 {
        text.split { $0 == " " || $0 == "\n" }
            .filter { $0.hasPrefix(field + "=") }
            .reduce(0) { $0 &+ (UInt64($1.dropFirst(field.count + 1)) ?? 0) }
    }
}

extension ContainerCgroup {
    /// Reads all figures; one that cannot be read is nil. Some ten small files, 100 µs.
    public func usage() -> CgroupUsage {
        var usage = totals()
        if let (directory, isUnified) = place(of: .memory) {
            usage.memoryBytes = number(directory, isUnified ? "memory.current" : "memory.usage_in_bytes")
        }
        if let (directory, _) = place(of: .pids) { usage.pids = number(directory, "pids.current") }
        if let text = unified.flatMap({ text($0.groups, "cpu.stat") }) {
            usage.cpuUserNanoseconds = CgroupUsage.value("user_usec", in: text).map { $0 &* 1000 }
            usage.cpuSystemNanoseconds = CgroupUsage.value("system_usec", in: text).map { $0 &* 1000 }
        } else if let (directory, _) = place(of: .cpuacct) {
            usage.cpuUserNanoseconds = number(directory, "cpuacct.usage_user")
            usage.cpuSystemNanoseconds = number(directory, "cpuacct.usage_sys")
        }
        return usage
    }

    /// Reads what the account of something that has ended needs beside what wait4(2) says: peaks, and what had to wait.
    public func totals() -> CgroupUsage {
        var usage = CgroupUsage()
        usage.cpuThrottledNanoseconds = throttled()
        if let (directory, isUnified) = place(of: .memory) {
            usage.memoryPeakBytes = number(directory, isUnified ? "memory.peak" : "memory.max_usage_in_bytes")
            usage.oomKills = oomKills()
        }
        if let (directory, _) = place(of: .pids) { usage.pidsPeak = number(directory, "pids.peak") }
        if let (directory, isUnified) = place(of: .io), isUnified, let text = text(directory, "io.stat") {
            usage.ioReadBytes = CgroupUsage.sum("rbytes", inDevices: text)
            usage.ioWriteBytes = CgroupUsage.sum("wbytes", inDevices: text)
        }
        if let directory = unified?.groups {
            usage.cpuPressure = CgroupUsage.pressure(in: text(directory, "cpu.pressure") ?? "")
            usage.memoryPressure = CgroupUsage.pressure(in: text(directory, "memory.pressure") ?? "")
            usage.ioPressure = CgroupUsage.pressure(in: text(directory, "io.pressure") ?? "")
        }
        return usage
    }

    /// Processes of the container that the kernel has killed for want of memory; nil when it does not say (v1 before
    /// Linux 4.13, or no memory controller).
    public func oomKills() -> UInt64? {
        guard let (directory, isUnified) = place(of: .memory),
            let text = text(directory, isUnified ? "memory.events" : "memory.oom_control")
        else { return nil }
        return CgroupUsage.value("oom_kill", in: text)
    }

    /// A descriptor that tells of OOM kills; nil without the memory controller.
    public func oomEvents() throws(KernelError) -> OomEvents? {
        guard let (directory, isUnified) = place(of: .memory) else { return nil }
        return isUnified
            ? try OomEvents(unified: directory, group: name)
            : try OomEvents(legacy: directory, group: name)
    }

    /// The quota is on the payload on v2, and throttling is counted where the quota is.
    private func throttled() -> UInt64? {
        if let (directory, isUnified) = place(of: .cpu), !isUnified {
            return text(directory, "cpu.stat").flatMap { CgroupUsage.value("throttled_time", in: $0) }
        }
        guard let unified, unified.controllers.contains(.cpu) else { return nil }
        for file in ["\(CgroupUnified.payload)/cpu.stat", "cpu.stat"] {
            guard let text = text(unified.groups, file) else { continue }
            if let microseconds = CgroupUsage.value("throttled_usec", in: text) { return microseconds &* 1000 }
        }
        return nil
    }

    private func text(_ directory: CgroupDirectory, _ file: String) -> String? {
        do { return try directory.read("\(name)/\(file)") } catch { return nil }
    }

    private func number(_ directory: CgroupDirectory, _ file: String) -> UInt64? {
        text(directory, file).flatMap { UInt64($0.split(separator: "\n").first ?? "") }
    }
}
