internal import FoundationEssentials
internal import Kernel

/// What stands in a seccomp profile file; see ``SeccompFile``.
struct SeccompDocument: Decodable, Sendable {
    let action: SeccompProfile.Action
    let architectures: [ArchitectureName]?
    let archMap: [ArchitectureEntry]?
    let syscalls: [CallEntry]

    private enum Key: String, CodingKey {
        case defaultAction, defaultErrnoRet, defaultErrno, architectures, archMap, flags, syscalls
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(Key.self)
        action = try values.decodeAction(.defaultAction, errno: .defaultErrnoRet)
        architectures = try values.decodeIfPresent([ArchitectureName].self, forKey: .architectures)
        archMap = try values.decodeIfPresent([ArchitectureEntry].self, forKey: .archMap)
        syscalls = try values.decodeIfPresent([CallEntry].self, forKey: .syscalls) ?? []
        // The number counts, the name is for the reader.
        _ = try values.decodeIfPresent(String.self, forKey: .defaultErrno)
        // They say how a runtime is to load a filter, not what is in it.
        let known: Set = [
            "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        ]
        let flags = try values.decodeIfPresent([String].self, forKey: .flags) ?? []
        if let odd = flags.first(where: { !known.contains($0) }) { throw values.fault(.flags, "unknown flag \(odd)") }
    }

    /// The name of a convention; ours, or one of a machine that Apron does not run on.
    struct ArchitectureName: Decodable, Sendable {
        let name: String
        var architecture: SeccompProfile.Architecture? { SeccompProfile.Architecture(rawValue: name) }

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            name = try value.decode(String.self)
            if architecture == nil && !Self.foreign.contains(name) {
                throw DecodingError.dataCorruptedError(in: value, debugDescription: "unknown architecture \(name)")
            }
        }

        private static let foreign: Set = Set(
            [
                "LOONGARCH64", "M68K", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PARISC",
                "PARISC64", "PPC", "PPC64", "PPC64LE", "RISCV64", "S390", "S390X", "SH", "SHEB",
            ].map { "SCMP_ARCH_" + $0 })
    }

    /// A machine's own convention and those that it understands as well.
    struct ArchitectureEntry: Decodable, Sendable {
        let architecture: ArchitectureName
        let subArchitectures: [ArchitectureName]?

        private enum Key: String, CodingKey { case architecture, subArchitectures }

        init(from decoder: any Decoder) throws {
            let values = try decoder.strictContainer(Key.self)
            architecture = try values.decode(ArchitectureName.self, forKey: .architecture)
            subArchitectures = try values.decodeIfPresent([ArchitectureName].self, forKey: .subArchitectures)
        }
    }

    /// The first two numbers of a kernel's release.
    struct KernelVersion: Comparable, Sendable {
        let major: Int
        let minor: Int

        init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }

        init?(_ text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
                return nil
            }
            self.init(major: major, minor: minor)
        }

        static func < (one: KernelVersion, other: KernelVersion) -> Bool {
            (one.major, one.minor) < (other.major, other.minor)
        }
    }
}

/// One entry of `syscalls`.
struct CallEntry: Decodable, Sendable {
    private let names: [String]
    private let action: SeccompProfile.Action
    private let conditions: [SeccompProfile.Condition]
    private let includes: CallFilter?
    private let excludes: CallFilter?

    private enum Key: String, CodingKey {
        case name, names, action, errnoRet, errno, args, comment, includes, excludes
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(Key.self)
        let one = try values.decodeIfPresent(String.self, forKey: .name).flatMap { $0.isEmpty ? nil : $0 }
        let several = try values.decodeIfPresent([String].self, forKey: .names) ?? []
        if one != nil && !several.isEmpty { throw values.fault(.names, "cannot be given together with name") }
        names = several + (one.map { [$0] } ?? [])
        if names.isEmpty { throw values.fault(.names, "no system call is named") }
        action = try values.decodeAction(.action, errno: .errnoRet)
        conditions = try (values.decodeIfPresent([CallArgument].self, forKey: .args) ?? []).map(\.condition)
        includes = try values.decodeIfPresent(CallFilter.self, forKey: .includes)
        excludes = try values.decodeIfPresent(CallFilter.self, forKey: .excludes)
        _ = try values.decodeIfPresent(String.self, forKey: .errno)
        _ = try values.decodeIfPresent(String.self, forKey: .comment)
    }

    /// All conditions must hold; but two on the same argument are alternatives, as the OCI runtimes read them.
    var rules: [SeccompProfile.Rule] {
        let calls = names.map { SeccompProfile.Call($0) }
        let isAmbiguous = Set(conditions.map(\.argument)).count < conditions.count
        if !isAmbiguous { return [SeccompProfile.Rule(action, calls, when: conditions)] }
        return conditions.map { SeccompProfile.Rule(action, calls, when: [$0]) }
    }

    func applies(_ capabilities: CapabilitySet, _ kernel: SeccompDocument.KernelVersion) -> Bool {
        if let includes, !includes.holds(capabilities, kernel) { return false }
        if let excludes, excludes.touches(capabilities, kernel) { return false }
        return true
    }
}

/// `includes` and `excludes`: for which containers an entry is.
struct CallFilter: Decodable, Sendable {
    private let capabilities: [CapabilitySet]
    private let machines: [String]
    private let kernel: SeccompDocument.KernelVersion?

    private enum Key: String, CodingKey { case caps, arches, minKernel }

    init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(Key.self)
        capabilities = try (values.decodeIfPresent([String].self, forKey: .caps) ?? []).map { name in
            guard let one = CapabilitySet(name: name) else { throw values.fault(.caps, "unknown capability \(name)") }
            return one
        }
        machines = try values.decodeIfPresent([String].self, forKey: .arches) ?? []
        kernel = try values.decodeIfPresent(String.self, forKey: .minKernel).map { text in
            guard let version = SeccompDocument.KernelVersion(text) else {
                throw values.fault(.minKernel, "no kernel version: \(text)")
            }
            return version
        }
    }

    /// Whether everything that is asked for is there.
    func holds(_ held: CapabilitySet, _ running: SeccompDocument.KernelVersion) -> Bool {
        (machines.isEmpty || machines.contains(Self.machine)) && capabilities.allSatisfy { held.contains($0) }
            && (kernel.map { running >= $0 } ?? true)
    }

    /// Whether anything that is named is there.
    func touches(_ held: CapabilitySet, _ running: SeccompDocument.KernelVersion) -> Bool {
        machines.contains(Self.machine) || capabilities.contains { held.contains($0) }
            || (kernel.map { running >= $0 } ?? false)
    }

    /// This machine by the name that Go gives it.
    private static var machine: String { SeccompProfile.Architecture.native == .x86_64 ? "amd64" : "arm64" }
}

/// One entry of `args`.
struct CallArgument: Decodable, Sendable {
    let condition: SeccompProfile.Condition

    private enum Key: String, CodingKey { case index, value, valueTwo, op }

    init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(Key.self)
        let index = try values.decode(UInt32.self, forKey: .index)
        guard index < 6 else { throw values.fault(.index, "a system call has arguments 0 to 5") }
        let name = try values.decode(String.self, forKey: .op)
        guard let comparison = SeccompProfile.Comparison(rawValue: name) else {
            throw values.fault(.op, "unknown comparison \(name)")
        }
        condition = SeccompProfile.Condition(
            index, comparison, try values.decode(UInt64.self, forKey: .value),
            try values.decodeIfPresent(UInt64.self, forKey: .valueTwo) ?? 0)
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// The object's values; a key that `Key` does not have is an error.
    fileprivate func strictContainer<Key: CodingKey>(_: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let given = try container(keyedBy: AnyKey.self).allKeys
        if let odd = given.first(where: { Key(stringValue: $0.stringValue) == nil }) {
            let path = codingPath + [odd as any CodingKey]
            throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: "unknown key"))
        }
        return try container(keyedBy: Key.self)
    }
}

extension KeyedDecodingContainer {
    fileprivate func fault(_ key: Key, _ reason: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: reason)
    }

    /// An action and the number that belongs to it; without one a failing call gets EPERM.
    fileprivate func decodeAction(_ key: Key, errno: Key) throws -> SeccompProfile.Action {
        let name = try decode(String.self, forKey: key)
        let given = try decodeIfPresent(Int64.self, forKey: errno)
        // Greater numbers are no errors to the kernel (MAX_ERRNO, linux/err.h).
        if let given, !(0...4095).contains(given) { throw fault(errno, "no error number: \(given)") }
        let number = given.map { UInt16($0) }
        switch name {
        case "SCMP_ACT_ALLOW": return .allow
        case "SCMP_ACT_ERRNO": return .fail(number.map { ErrorNumber(rawValue: Int32($0)) } ?? .permission)
        case "SCMP_ACT_LOG": return .log
        case "SCMP_ACT_TRAP": return .trap
        case "SCMP_ACT_TRACE": return .trace(number ?? UInt16(ErrorNumber.permission.rawValue))
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
        case "SCMP_ACT_KILL_PROCESS": return .killProcess
        case "SCMP_ACT_NOTIFY": throw fault(key, "SCMP_ACT_NOTIFY is not supported")
        default: throw fault(key, "unknown action \(name)")
        }
    }
}
