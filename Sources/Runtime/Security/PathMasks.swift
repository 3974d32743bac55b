/// Paths in a container that are hidden or cannot be written, for unprivileged containers.
///
/// They tell of the host or change it, and some trust the user id alone. A path that does not exist is passed over.
public enum PathMasks {
    /// Hidden: a file becomes `/dev/null`, a directory an empty read-only one.
    public static let masked = [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ]

    /// Readable but not writable.
    public static let readOnly = [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sysrq-trigger",
    ]
}
