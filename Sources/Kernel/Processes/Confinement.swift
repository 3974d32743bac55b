internal import CKernel
internal import Glibc

/// How a process gives up, one after the other, what it does not need. There is no way back from any of it.
///
/// To be done by the first thread before there are others.
public enum Confinement {
    /// Enters a user namespace and becomes its root (setns(2), setresuid(2)).
    public static func enter(userNamespace: borrowing Descriptor) throws(KernelError) {
        let number = userNamespace.number
        try invoke("setns", "user namespace") { apron_enter_user_namespace(number) }
        try invoke("setgroups") { unsafe apron_setgroups([], 0) }
        try invoke("setresgid", "0") { apron_setresgid(0) }
        try invoke("setresuid", "0") { apron_setresuid(0) }
    }

    /// Makes an open directory the root and the working directory.
    public static func changeRoot(to directory: borrowing Descriptor) throws(KernelError) {
        let number = directory.number
        try invoke("fchdir", "new root") { fchdir(number) }
        // Safe: a constant string.
        try invoke("chroot", "new root") { unsafe chroot(".") }
    }

    /// Makes a directory the working directory.
    public static func changeDirectory(to directory: EntryDirectory) throws(KernelError) {
        let number = directory.number
        try invoke("fchdir") { fchdir(number) }
    }

    /// Files get the very mode they are made with (umask(2)).
    public static func clearFileModeMask() { _ = umask(0) }

    /// No image of the memory is written when the process crashes (setrlimit(2) RLIMIT_CORE).
    public static func forbidCoreDumps() throws(KernelError) {
        try invoke("setrlimit", "core") { apron_setrlimit(Int32(RLIMIT_CORE.rawValue), 0, 0) }
    }

    /// Keeps these capabilities and no other, and lets no program that is executed have more (prctl(2)
    /// PR_SET_NO_NEW_PRIVS).
    public static func keep(_ capabilities: CapabilitySet) throws(KernelError) {
        try invoke("prctl", "no_new_privs") { apron_prctl(confinementNoNewPrivileges, 1, 0, 0, 0) }
        try invoke("capset", "\(capabilities)") {
            apron_capset(capabilities.rawValue, capabilities.rawValue, 0)
        }
    }

    /// Loads a filter for this thread and those it starts (seccomp(2)).
    public static func load(_ filter: SeccompFilter) throws(KernelError) {
        try invoke("seccomp", "\(filter.instructionCount) instructions") {
            // Safe: the instructions live for the call, which copies them.
            unsafe filter.bytes.withUnsafeBytes {
                unsafe apron_seccomp($0.baseAddress, UInt16(filter.instructionCount))
            }
        }
    }

    /// Reads the tables by which libraries convert text now, so that none is read from a root that others have written
    /// (iconv_open(3)).
    public static func loadTextTables() {
        // Safe: constant strings; the handle is closed at once when there is one.
        let handle = unsafe iconv_open("ASCII", "UTF-8")
        if unsafe handle != iconv_t(bitPattern: -1) { _ = unsafe iconv_close(handle) }
    }

    /// Ends the process at once (_exit(2)).
    public static func end(_ status: Int32) -> Never { _exit(status) }
}

extension Descriptor {
    /// Waits until the other end of a pipe or socket is gone (poll(2) POLLERR, POLLHUP).
    public borrowing func waitForHangUp() throws(KernelError) {
        var polled = pollfd(fd: number, events: 0, revents: 0)
        // Safe: poll reads and writes the one local pollfd.
        try invoke("poll") { unsafe poll(&polled, 1, -1) }
    }
}

private let confinementNoNewPrivileges: Int32 = 38  // PR_SET_NO_NEW_PRIVS
