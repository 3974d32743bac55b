/// Which devices a container may make, read and write.
public struct DevicePolicy: Hashable, Sendable {
    /// What is allowed; everything else is denied.
    public let rules: [DeviceRule]

    /// The default rules and, after them, the operator's.
    public init(extra: [DeviceRule] = []) { rules = Self.defaultRules + extra }

    /// A policy of just these rules.
    init(rules: [DeviceRule]) { self.rules = rules }

    /// The built-in rules and those of the operator, which are treated differently where the host refuses one.
    var parts: [(rules: [DeviceRule], isBuiltIn: Bool)] {
        let count = Self.defaultRules.count
        let extra = Array(rules.dropFirst(count))
        return [(Self.defaultRules, true)] + (extra.isEmpty ? [] : [(extra, false)])
    }

    /// The built-in list of the OCI runtimes, and the FUSE device.
    public static let defaultRules: [DeviceRule] = [
        DeviceRule(.character, nil, nil, .make),
        DeviceRule(.block, nil, nil, .make),
        DeviceRule(.character, 1, 3, .all),  // null
        DeviceRule(.character, 1, 5, .all),  // zero
        DeviceRule(.character, 1, 7, .all),  // full
        DeviceRule(.character, 1, 8, .all),  // random
        DeviceRule(.character, 1, 9, .all),  // urandom
        DeviceRule(.character, 5, 0, .all),  // tty
        DeviceRule(.character, 5, 2, .all),  // ptmx
        DeviceRule(.character, 136, nil, .all),  // pts/*
        DeviceRule(.character, 10, 229, .all),  // fuse
    ]
}

/// Devices and what may be done with them, in the notation of `devices.allow`: `c 10:200 rwm`.
public struct DeviceRule: Hashable, Sendable, CustomStringConvertible {
    /// The kind of a device.
    public enum Kind: String, Sendable {
        case character = "c"
        case block = "b"
        case any = "a"
    }

    /// What may be done; the numbers are the kernel's (BPF_DEVCG_ACC_*).
    public struct Access: OptionSet, Hashable, Sendable {
        /// The bits.
        public let rawValue: UInt32

        /// An access by its bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// mknod(2).
        public static let make = Access(rawValue: 1)
        /// Opening for reading.
        public static let read = Access(rawValue: 2)
        /// Opening for writing.
        public static let write = Access(rawValue: 4)
        /// All three.
        public static let all: Access = [.make, .read, .write]
    }

    /// The kind of device.
    public let kind: Kind
    /// The major number; nil means every one.
    public let major: UInt32?
    /// The minor number; nil means every one.
    public let minor: UInt32?
    /// What may be done.
    public let access: Access

    /// A rule.
    public init(_ kind: Kind, _ major: UInt32?, _ minor: UInt32?, _ access: Access) {
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    /// Reads `type major:minor access`; nil when the text is anything else.
    public init?(_ text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 3, let kind = Kind(rawValue: String(fields[0])) else { return nil }
        let numbers = fields[1].split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 2, let major = Self.number(numbers[0], Self.majorMax),
            let minor = Self.number(numbers[1], Self.minorMax)
        else { return nil }
        var access: Access = []
        for letter in fields[2] {
            let one: Access
            switch letter {
            case "r": one = .read
            case "w": one = .write
            case "m": one = .make
            default: return nil
            }
            guard access.insert(one).inserted else { return nil }
        }
        guard !access.isEmpty else { return nil }
        self.init(kind, major, minor, access)
    }

    /// The rule in the notation that ``init(_:)`` reads and v1 takes.
    public var description: String {
        let numbers = "\(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*")"
        let letters = [(Access.read, "r"), (.write, "w"), (.make, "m")]
        return "\(kind.rawValue) \(numbers) \(letters.filter { access.contains($0.0) }.map(\.1).joined())"
    }

    /// Device numbers have 12 bits for the major and 20 for the minor number (MINORBITS, linux/kdev_t.h).
    private static let majorMax: UInt32 = (1 << 12) - 1
    private static let minorMax: UInt32 = (1 << 20) - 1

    /// A number or `*`, which is `.some(nil)`; nil when it is neither.
    private static func number(_ text: Substring, _ max: UInt32) -> UInt32?? {
        if text == "*" { return .some(nil) }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = UInt32(text), value <= max
        else { return nil }
        return value
    }
}
