internal import Kernel
internal import Runtime
internal import Synchronization

/// Compiled system call filters, each made when it is first needed and kept on disk until the host restarts.
///
/// Compiling takes tens of milliseconds, more than everything else that a single run does; loading takes none.
final class FilterShelf: Sendable {
    /// The largest filter that the kernel takes: 4096 instructions of eight bytes (BPF_MAXINSNS).
    private static let bytesMax = 4096 * 8

    private let directory: Directory
    private let custom: SeccompFile?
    private let made = Mutex<[String: [UInt8]]>([:])

    /// - Parameters:
    ///   - directory: writable by root alone: what lies there is trusted
    ///   - custom: replaces both profiles
    init(directory: Directory, custom: SeccompFile?) {
        self.directory = directory
        self.custom = custom
    }

    /// For unprivileged containers.
    func unprivileged() throws -> [UInt8] {
        try filter("default", .unprivileged) { SeccompProfile.unprivileged() }
    }

    /// For containers that may mount FUSE.
    func fuseOnly() throws -> [UInt8] { try filter("fuse", .fuseOnly) { SeccompProfile.fuseOnly() } }

    private func filter(
        _ name: String, _ capabilities: CapabilityProfile, _ builtIn: () -> SeccompProfile
    ) throws -> [UInt8] {
        try made.withLock { made in
            if let bytes = made[name] { return bytes }
            let own = try custom?.profile(
                capabilities: capabilities.granted(), kernel: KernelFile.read("/proc/sys/kernel/osrelease"))
            let bytes = try stored(name, own ?? builtIn())
            made[name] = bytes
            return bytes
        }
    }

    /// The file's name says what it was compiled from, so another version of a profile is another file.
    private func stored(_ name: String, _ profile: SeccompProfile) throws -> [UInt8] {
        let file = "seccomp-\(name)-\(FilterShelf.fingerprint(profile))"
        if let bytes = try directory.readIfPresent(file, limit: FilterShelf.bytesMax), !bytes.isEmpty,
            bytes.count % 8 == 0
        {
            return bytes
        }
        let bytes = try SeccompFilter(profile).bytes
        try directory.write(file, bytes, mode: 0o600)
        return bytes
    }

    /// FNV-1a, 64 bits: tells versions apart, protects against nothing.
    private static func fingerprint(_ profile: SeccompProfile) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        func add(_ text: String) {
            for byte in text.utf8 { add(byte) }
            // Between two texts, which have no such byte.
            add(0xff)
        }
        // Not as text, which would take longer than the rest of the way to a filter on disk.
        func add(_ number: some FixedWidthInteger) {
            for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        func add(_ action: SeccompProfile.Action) {
            let (kind, number) = action.code
            add(kind)
            add(number)
        }
        add(SeccompFilter.compilation)
        add(profile.defaultAction)
        for architecture in profile.architectures { add(architecture.rawValue) }
        for rule in profile.rules {
            add(rule.action)
            for call in rule.calls {
                add(call.name)
                if let number = call.number { add(number) }
            }
            for condition in rule.conditions {
                add(condition.argument)
                add(condition.comparison.rawValue)
                add(condition.value)
                add(condition.valueTwo)
            }
        }
        return String(hash, radix: 16)
    }
}

extension SeccompProfile.Action {
    /// A letter for the kind, and the number that belongs to it.
    fileprivate var code: (kind: UInt8, number: Int32) {
        switch self {
        case .allow: (UInt8(ascii: "a"), 0)
        case .fail(let error): (UInt8(ascii: "f"), error.rawValue)
        case .log: (UInt8(ascii: "l"), 0)
        case .trap: (UInt8(ascii: "s"), 0)
        case .trace(let number): (UInt8(ascii: "t"), Int32(number))
        case .killThread: (UInt8(ascii: "k"), 0)
        case .killProcess: (UInt8(ascii: "p"), 0)
        }
    }
}
