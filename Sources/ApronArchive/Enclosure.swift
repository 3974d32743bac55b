import Kernel

/// Everything that the process gives up before it looks at the first byte of an archive.
enum Enclosure {
    /// The order matters: the namespace before there are threads; the root while there is still a capability for it;
    /// the filter last, since it forbids all of this.
    static func enter(_ request: ArchiveRequest) throws {
        let root = Descriptor(owning: 3)
        Confinement.clearFileModeMask()
        Confinement.loadTextTables()
        CurrentProcess.ignoreBrokenPipes()
        try Confinement.forbidCoreDumps()
        // Each directory on the way down holds a descriptor while a tree is packed.
        try CurrentProcess.raiseOpenFileLimit()
        // Made now: libseccomp takes calls that the filter forbids.
        let filter = try SeccompFilter(profile)
        if request.entersNamespace { try Confinement.enter(userNamespace: Descriptor(owning: 5)) }
        try Confinement.changeRoot(to: root)
        try Confinement.keep(capabilities(request))
        try Confinement.load(filter)
    }

    private static func capabilities(_ request: ArchiveRequest) -> CapabilitySet {
        switch request.action {
        case .pack: return CapabilitySet(names: ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])
        case .unpack:
            let base = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP"]
            return CapabilitySet(names: request.isPrivileged ? base + ["CAP_MKNOD"] : base)
        }
    }

    // clone(2) without namespaces: CLONE_NEW* and CLONE_NEWTIME's bit, which is a signal's here.
    private static let namespaceFlags: UInt64 = 0x7e02_0000
    private static let protectExecute: UInt64 = 0x4

    /// Files by descriptor, memory that nothing can be executed from, threads.
    static let profile = SeccompProfile(
        // As on an older kernel: libraries have a way around.
        defaultAction: .fail(.noSystemCall), architectures: [.native],
        rules: [
            .init(.allow, calls),
            .init(.allow, ["mmap", "mprotect"], when: [.init(2, .maskedEqual, protectExecute, 0)]),
            .init(.allow, ["clone"], when: [.init(0, .maskedEqual, namespaceFlags, 0)]),
        ])

    private static let calls: [SeccompProfile.Call] = [
        "read", "write", "pread64", "pwrite64", "readv", "writev", "close", "lseek", "ftruncate", "fallocate",
        "openat", "openat2", "getdents64", "fstat", "newfstatat", "statx", "fstatfs", "fchdir", "fcntl", "poll",
        "ppoll",
        "mkdirat", "mknodat", "symlinkat", "linkat", "unlinkat", "readlinkat", "fchown", "fchownat", "fchmod",
        "fchmodat", "utimensat", "flistxattr", "fgetxattr", "fsetxattr", "llistxattr", "lgetxattr", "lsetxattr",
        "munmap", "mremap", "madvise", "brk", "futex", "set_robust_list", "rseq", "exit", "exit_group", "tgkill",
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "sched_getaffinity", "sched_yield", "getpid",
        "gettid", "clock_gettime", "clock_nanosleep", "nanosleep", "getrandom", "prctl", "membarrier",
        "restart_syscall",
        "prlimit64", "sysinfo", "uname",
    ]
}
