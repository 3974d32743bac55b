public import Kernel

/// A device policy as a program for cgroup v2, where no control file exists for devices.
///
/// The kernel calls it with `struct bpf_cgroup_dev_ctx`: access (high 16 bits) and type (low 16), major, minor. It
/// answers 1 to allow. A rule matches when it covers all of the wanted access, as on v1.
public enum DeviceProgram {
    /// The instructions for a policy: each rule tests and allows, the end denies.
    public static func instructions(for policy: DevicePolicy) -> [BpfInstruction] {
        var program = [
            load(.type, field: 0),
            BpfInstruction(code: 0x54, destination: Register.type.rawValue, immediate: 0xffff),  // type &= 0xffff
            load(.access, field: 0),
            BpfInstruction(code: 0x74, destination: Register.access.rawValue, immediate: 16),  // access >>= 16
            load(.major, field: 4),
            load(.minor, field: 8),
        ]
        for rule in policy.rules { program += instructions(for: rule) }
        return program + answer(0)
    }

    /// Registers as the program uses them; 0 is the answer, 1 the context and later scratch.
    private enum Register: UInt8 {
        case answer = 0
        case context = 1
        case type = 2
        case access = 3
        case major = 4
        case minor = 5
    }

    private static func instructions(for rule: DeviceRule) -> [BpfInstruction] {
        /// A test: what to compute first, which register must equal which constant.
        var tests: [(prepare: [BpfInstruction], jump: (Int16) -> BpfInstruction)] = []
        func require(_ register: Register, equals value: UInt32) {
            tests.append(
                (
                    [],
                    { BpfInstruction(code: 0x55, destination: register.rawValue, offset: $0, immediate: Int32(value)) }
                )
            )
        }
        if rule.kind != .any { require(.type, equals: rule.kind == .block ? 1 : 2) }
        if rule.access != .all {
            // scratch = access & allowed; when that differs from access, more is wanted than the rule gives.
            let scratch = Register.context.rawValue
            let mask = Int32(rule.access.rawValue)
            tests.append(
                (
                    [
                        BpfInstruction(code: 0xbf, destination: scratch, source: Register.access.rawValue),
                        BpfInstruction(code: 0x57, destination: scratch, immediate: mask),
                    ],
                    { BpfInstruction(code: 0x5d, destination: scratch, source: Register.access.rawValue, offset: $0) }
                )
            )
        }
        if let major = rule.major { require(.major, equals: major) }
        if let minor = rule.minor { require(.minor, equals: minor) }

        // From the end to the start: a failed test jumps over all that follows of this rule.
        var body = answer(1)
        for test in tests.reversed() { body = test.prepare + [test.jump(Int16(body.count))] + body }
        return body
    }

    /// `register = *(u32 *)(context + field)`.
    private static func load(_ register: Register, field: Int16) -> BpfInstruction {
        BpfInstruction(
            code: 0x61,
            destination: register.rawValue,
            source: Register.context.rawValue,
            offset: field
        )
    }

    /// `return value`.
    private static func answer(_ value: Int32) -> [BpfInstruction] {
        [
            BpfInstruction(code: 0xb7, destination: Register.answer.rawValue, immediate: value),
            BpfInstruction(code: 0x95, destination: 0),
        ]
    }
}
