internal import CKernel
internal import Glibc

/// The thread that asks.
public enum CallingThread {
    /// Whether it is the process's first one. The kernel charges the memory of a whole process to the memory group of
    /// that thread, and lists and kills processes by it.
    public static var isMain: Bool { apron_is_main_thread() != 0 }

    /// The id of its process (getpid(2)).
    public static var process: Int32 { getpid() }

    /// Sleeps between two attempts (usleep(3)).
    public static func pause(microseconds: UInt32) { _ = usleep(microseconds) }
}
