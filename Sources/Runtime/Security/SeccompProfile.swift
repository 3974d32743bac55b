public import Kernel

extension SeccompProfile {
    /// The profile of ordinary containers.
    ///
    /// What is known to do harm fails with EPERM; what is not listed fails with ENOSYS, as on a kernel that does not
    /// have it, so that libraries fall back to what they did before.
    public static func unprivileged() -> SeccompProfile {
        let calls = SeccompCalls.denied.map { Call($0) }
        return SeccompProfile(
            defaultAction: .fail(.noSystemCall),
            architectures: defaultArchitectures,
            rules: common + cloneWithoutNamespaces + [Rule(.fail(.permission), calls)]
        )
    }

    /// The profile of containers that may mount: all kinds of clone, and joining of mount namespaces.
    public static func fuseOnly() -> SeccompProfile {
        let mounting = Set(SeccompCalls.allowedForMounting)
        let denied = SeccompCalls.denied.filter { !mounting.contains($0) && $0 != "setns" }
        return SeccompProfile(
            defaultAction: .fail(.noSystemCall),
            architectures: defaultArchitectures,
            rules: common + [
                Rule(.allow, SeccompCalls.allowedForMounting.map { Call($0) }),
                Rule(.allow, ["clone", "clone3"]),
                Rule(.allow, ["setns"], when: [Condition(1, .equal, cloneNewNamespace)]),
                Rule(.fail(.permission), ["setns"], when: [.otherwise(1)]),
                Rule(.fail(.permission), denied.map { Call($0) }),
            ]
        )
    }

    /// The native architecture, and those that its kernel runs as well.
    static var defaultArchitectures: [Architecture] {
        Architecture.native == .x86_64 ? [.x86_64, .x86, .x32] : [.aarch64, .arm]
    }

    private static var common: [Rule] {
        var newer = SeccompCalls.newer
        if Architecture.native == .x86_64 { newer.append(SeccompCalls.uretprobe) }
        return [
            Rule(.allow, SeccompCalls.allowed.map { Call($0) }),
            Rule(.allow, newer.map { Call($0.name, number: $0.number) }),
            // Linux, 32-bit Linux, and the question which it is (personality(2)).
            Rule(.allow, ["personality"], when: [Condition(0, .equal, 0)]),
            Rule(.allow, ["personality"], when: [Condition(0, .equal, 8)]),
            Rule(.allow, ["personality"], when: [Condition(0, .equal, 0xffff_ffff)]),
            Rule(.fail(.permission), ["personality"], when: [.otherwise(0)]),
        ]
    }

    /// clone(2) is for processes and threads, not for namespaces. clone3(2) passes its flags in memory, which a filter
    /// cannot see, so that it does not exist and libc falls back to clone.
    private static var cloneWithoutNamespaces: [Rule] {
        let namespaces = cloneNamespaceFlags.reduce(0, |)
        return [
            Rule(.fail(.noSystemCall), ["clone3"]),
            Rule(.allow, ["clone"], when: [Condition(0, .maskedEqual, namespaces, 0)]),
        ]
            + cloneNamespaceFlags.map {
                Rule(.fail(.permission), ["clone"], when: [Condition(0, .maskedEqual, $0, $0)])
            }
    }

    /// CLONE_NEWNS (linux/sched.h).
    private static let cloneNewNamespace: UInt64 = 0x0002_0000
    /// CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. NEWCGROUP is left out: it takes CAP_SYS_ADMIN anyway.
    private static let cloneNamespaceFlags: [UInt64] = [
        cloneNewNamespace, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]
}
