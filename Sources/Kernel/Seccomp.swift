internal import CKernel
internal import CSeccomp
internal import Glibc

/// A compiled filter: BPF instructions as seccomp(2) takes them, made once and loaded into every program.
public struct SeccompFilter: Hashable, Sendable {
    /// Another number for every other way of compiling, for those who keep compiled filters.
    public static let compilation = 2

    /// The instructions, `struct sock_filter` of eight bytes each, in the machine's byte order.
    public let bytes: [UInt8]

    /// How many instructions; the kernel takes at most 4096 (BPF_MAXINSNS).
    public var instructionCount: Int { bytes.count / 8 }

    /// The number of a system call on the native architecture; nil when it has none or libseccomp does not know it.
    public static func number(ofCall name: String) -> Int? {
        // Safe: the string lives for the duration of the call.
        let number = unsafe seccomp_syscall_resolve_name(name)
        return number < 0 ? nil : Int(number)
    }

    /// Compiles a profile with libseccomp, some milliseconds. An error names the call of the profile at fault.
    ///
    /// The native architecture has a filter of its own first, since only there libseccomp takes a call by number.
    public init(_ profile: SeccompProfile) throws(KernelError) {
        let compiled = try Self.compile(profile)
        bytes = FilterProgram(compiled).map { FilterReduction.reduced($0).bytes } ?? compiled
    }

    /// What libseccomp makes of a profile.
    static func compile(_ profile: SeccompProfile) throws(KernelError) -> [UInt8] {
        let native = SeccompProfile.Architecture.native
        let others = profile.architectures.filter { $0 != native }
        let context = try SeccompContext(profile.defaultAction)
        if !profile.architectures.contains(native) { try context.remove(native) }
        if profile.architectures.contains(native) {
            try context.add(profile.rules, byNumber: true, unless: profile.defaultAction)
        }
        if !others.isEmpty {
            let foreign = try SeccompContext(profile.defaultAction)
            try foreign.remove(native)
            for architecture in others { try foreign.add(architecture) }
            try foreign.add(profile.rules, byNumber: false, unless: profile.defaultAction)
            try context.merge(foreign)
        }
        return try context.compile()
    }
}

/// A filter under construction in libseccomp, which returns negated error numbers and does not set errno.
@safe private final class SeccompContext {
    /// Safe: made by seccomp_init, released once in deinit or by seccomp_merge; nil after that.
    private var pointer: scmp_filter_ctx?

    init(_ action: SeccompProfile.Action) throws(KernelError) {
        guard let made = unsafe seccomp_init(action.code) else {
            throw KernelError(call: "seccomp_init", errno: .invalid)
        }
        unsafe pointer = made
    }

    deinit {
        // Safe: still ours, see `pointer`.
        if let pointer = unsafe pointer { unsafe seccomp_release(pointer) }
    }

    func add(_ architecture: SeccompProfile.Architecture) throws(KernelError) {
        try check("seccomp_arch_add", architecture.rawValue, unsafe seccomp_arch_add(pointer, architecture.token))
    }

    func remove(_ architecture: SeccompProfile.Architecture) throws(KernelError) {
        try check("seccomp_arch_remove", architecture.rawValue, unsafe seccomp_arch_remove(pointer, architecture.token))
    }

    func add(
        _ rules: [SeccompProfile.Rule],
        byNumber: Bool,
        unless defaultAction: SeccompProfile.Action
    ) throws(KernelError) {
        // A rule that says what holds anyway is refused with EACCES; in profiles it is there for the reader.
        for rule in rules where rule.action != defaultAction {
            let comparisons = rule.conditions.map { condition in
                scmp_arg_cmp(
                    arg: condition.argument,
                    op: condition.comparison.code,
                    datum_a: condition.value,
                    datum_b: condition.valueTwo
                )
            }
            for call in rule.calls {
                // Safe: the string lives for the duration of the call.
                var number = unsafe seccomp_syscall_resolve_name(call.name)
                // -1 is "no such call"; other negative numbers stand for calls of other architectures.
                if number == __NR_SCMP_ERROR {
                    guard byNumber, let known = call.number else { continue }
                    number = known
                }
                let count = UInt32(comparisons.count)
                let result = unsafe comparisons.withUnsafeBufferPointer {
                    // Safe: `count` elements, alive for the call.
                    unsafe seccomp_rule_add_array(pointer, rule.action.code, number, count, $0.baseAddress)
                }
                // The same rule twice is no mistake.
                if result != -EEXIST { try check("seccomp_rule_add", call.name, result) }
            }
        }
    }

    /// Takes the other filter over; it is empty afterwards.
    func merge(_ other: SeccompContext) throws(KernelError) {
        try check("seccomp_merge", nil, unsafe seccomp_merge(pointer, other.pointer))
        unsafe other.pointer = nil
    }

    func compile() throws(KernelError) -> [UInt8] {
        // Level 2 is a binary tree over the call numbers, which has a tail for each: quick to carry out and to reduce.
        try check("seccomp_attr_set", "optimize", unsafe seccomp_attr_set(pointer, SCMP_FLTATR_CTL_OPTIMIZE, 2))
        let file = Descriptor(
            owning: try invoke("memfd_create") {
                // Safe: a constant string.
                unsafe apron_memfd_create("seccomp", Self.memfdCloseOnExec)
            }
        )
        try check("seccomp_export_bpf", nil, unsafe seccomp_export_bpf(pointer, file.number))
        let size = try invoke("lseek") { lseek(file.number, 0, SEEK_END) }
        guard size > 0, size <= Self.bytesMax, size % 8 == 0 else {
            throw KernelError(call: "seccomp_export_bpf", errno: .tooBig, subject: "\(size / 8) instructions")
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try invoke("pread") {
            // Safe: the buffer has `size` bytes.
            unsafe bytes.withUnsafeMutableBytes { unsafe pread(file.number, $0.baseAddress, Int(size), 0) }
        }
        guard count == Int(size) else { throw KernelError(call: "pread", errno: .noData, subject: "seccomp filter") }
        return bytes
    }

    /// BPF_MAXINSNS instructions; the kernel refuses more.
    private static let bytesMax = 4096 * 8
    /// MFD_CLOEXEC (linux/memfd.h), which the Glibc module does not show.
    private static let memfdCloseOnExec: UInt32 = 1

    private func check(_ call: String, _ subject: String?, _ result: Int32) throws(KernelError) {
        if result < 0 { throw KernelError(call: call, errno: ErrorNumber(rawValue: -result), subject: subject) }
    }
}

extension SeccompProfile.Action {
    fileprivate var code: UInt32 {
        switch self {
        case .allow: apron_scmp_act_allow()
        case .fail(let errno): apron_scmp_act_errno(UInt16(truncatingIfNeeded: errno.rawValue))
        case .log: apron_scmp_act_log()
        case .trap: apron_scmp_act_trap()
        case .trace(let message): apron_scmp_act_trace(message)
        case .killThread: apron_scmp_act_kill_thread()
        case .killProcess: apron_scmp_act_kill_process()
        }
    }
}

extension SeccompProfile.Architecture {
    fileprivate var token: UInt32 {
        switch self {
        case .x86: apron_scmp_arch_x86()
        case .x86_64: apron_scmp_arch_x86_64()
        case .x32: apron_scmp_arch_x32()
        case .arm: apron_scmp_arch_arm()
        case .aarch64: apron_scmp_arch_aarch64()
        }
    }
}

extension SeccompProfile.Comparison {
    fileprivate var code: scmp_compare {
        switch self {
        case .notEqual: SCMP_CMP_NE
        case .less: SCMP_CMP_LT
        case .lessOrEqual: SCMP_CMP_LE
        case .equal: SCMP_CMP_EQ
        case .greaterOrEqual: SCMP_CMP_GE
        case .greater: SCMP_CMP_GT
        case .maskedEqual: SCMP_CMP_MASKED_EQ
        }
    }
}
