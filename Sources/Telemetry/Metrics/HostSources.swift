public import Kernel

/// Sources of figures about this host, and about the process itself.
public enum HostSources {
    /// The time since `start`, an instant of CLOCK_BOOTTIME in nanoseconds.
    public static func uptime(since start: UInt64 = bootTime()) -> MetricSource {
        { $0.add(.uptime, [], Double(bootTime() &- start) / 1e9) }
    }

    /// The program's version and what its spans say about it.
    public static func identity(version: String, _ resource: @escaping @Sendable () -> Resource) -> MetricSource {
        {
            $0.add(.buildInfo, [version], 1)
            $0.describe(resource())
        }
    }

    /// What is used and free of the file system that a directory lies on; nothing when it cannot be found out.
    public static func disk(of directory: String) -> MetricSource {
        { readings in
            guard let space = try? Directory(directory).space() else { return }
            readings.add(.diskBytes, ["available"], Double(space.bytesAvailable))
            readings.add(.diskBytes, ["used"], Double(space.bytes - min(space.bytes, space.bytesAvailable)))
            readings.add(.diskInodes, ["available"], Double(space.inodesAvailable))
            readings.add(.diskInodes, ["used"], Double(space.inodes - min(space.inodes, space.inodesAvailable)))
        }
    }

    /// How long tasks of the host have waited (`/proc/pressure`, Linux 4.20); nothing where the kernel does not count.
    public static let pressure: MetricSource = { readings in
        for resource in ["cpu", "memory", "io"] {
            guard let text = try? KernelFile.read("/proc/pressure/\(resource)") else { continue }
            for (kind, seconds) in stalls(text) { readings.add(.pressure, [resource, kind], seconds) }
        }
    }

    /// The totals of `some avg10=0.00 avg60=0.00 avg300=0.00 total=4755188065` lines, in seconds.
    static func stalls(_ text: String) -> [(kind: String, seconds: Double)] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let kind = words.first, ["some", "full"].contains(kind),
                let total = words.last?.split(separator: "=").last.flatMap({ UInt64($0) })
            else { return nil }
            return (String(kind), Double(total) / 1e6)
        }
    }
}
