/// Which system calls a program may make: a value, compiled by ``SeccompFilter`` (seccomp(2)).
///
/// Of several rules for one call the first condition that holds decides; a rule without conditions stands alone.
public struct SeccompProfile: Hashable, Sendable {
    /// What happens to a call.
    public enum Action: Hashable, Sendable {
        case allow
        /// The call fails with an error.
        case fail(ErrorNumber)
        /// It is allowed and logged.
        case log
        /// The thread gets SIGSYS.
        case trap
        /// The thread's tracer is told, with a number of its own.
        case trace(UInt16)
        case killThread
        case killProcess
    }

    /// A system-call convention; the raw value is libseccomp's name.
    public enum Architecture: String, CaseIterable, Sendable {
        case x86 = "SCMP_ARCH_X86"
        case x86_64 = "SCMP_ARCH_X86_64"
        case x32 = "SCMP_ARCH_X32"
        case arm = "SCMP_ARCH_ARM"
        case aarch64 = "SCMP_ARCH_AARCH64"

        /// That of this program.
        public static var native: Architecture {
            #if arch(x86_64)
            .x86_64
            #elseif arch(arm64)
            .aarch64
            #else
            #error("seccomp filters are written for x86_64 and aarch64")
            #endif
        }
    }

    /// How an argument is compared, without a sign; the raw value is libseccomp's name.
    public enum Comparison: String, CaseIterable, Sendable {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        /// The bits of a mask (`value`) equal a second value.
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    /// A condition on an argument.
    public struct Condition: Hashable, Sendable {
        /// The argument, 0 to 5.
        public let argument: UInt32
        /// How it is compared.
        public let comparison: Comparison
        /// With what; the mask of ``Comparison/maskedEqual``.
        public let value: UInt64
        /// What the masked bits must equal.
        public let valueTwo: UInt64

        /// A condition.
        public init(_ argument: UInt32, _ comparison: Comparison, _ value: UInt64, _ valueTwo: UInt64 = 0) {
            precondition(argument < 6, "a system call has six arguments")
            self.argument = argument
            self.comparison = comparison
            self.value = value
            self.valueTwo = valueTwo
        }

        /// Holds for every value, as the last rule of a call: what no other condition has caught.
        public static func otherwise(_ argument: UInt32) -> Condition { Condition(argument, .greaterOrEqual, 0) }
    }

    /// A system call.
    public struct Call: Hashable, Sendable, ExpressibleByStringLiteral {
        /// Its name.
        public let name: String
        /// Its number, where libseccomp may not know the name yet: the same on all architectures since number 424.
        public let number: Int32?

        /// A call by name, and by number for those newer than the library.
        public init(_ name: String, number: Int32? = nil) {
            self.name = name
            self.number = number
        }

        /// A call by name.
        public init(stringLiteral name: String) { self.init(name) }
    }

    /// What happens to some calls when all conditions hold.
    public struct Rule: Hashable, Sendable {
        /// The calls. Those that an architecture does not have are passed over.
        public let calls: [Call]
        /// What happens.
        public let action: Action
        /// The conditions; at most one for each argument.
        public let conditions: [Condition]

        /// A rule.
        public init(_ action: Action, _ calls: [Call], when conditions: [Condition] = []) {
            self.calls = calls
            self.action = action
            self.conditions = conditions
        }
    }

    /// What happens to calls without a rule.
    public var defaultAction: Action
    /// The conventions that programs may use; a call by another one ends the program.
    public var architectures: [Architecture]
    /// The rules.
    public var rules: [Rule]

    /// A profile.
    public init(defaultAction: Action, architectures: [Architecture], rules: [Rule]) {
        self.defaultAction = defaultAction
        self.architectures = architectures
        self.rules = rules
    }
}
