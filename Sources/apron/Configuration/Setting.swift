/// One setting of `apron worker`, declared once: the table of settings is what parses, what `--help` prints and what
/// the documentation is made of.
struct Setting: Sendable {
    /// What a value may look like.
    indirect enum Kind: Sendable, Hashable {
        /// Anything; the associated word stands for it in the help.
        case text(String)
        /// Anything, never shown.
        case secret(String)
        /// An absolute path.
        case path(String)
        /// A whole number in a range.
        case integer(ClosedRange<Int>)
        /// A TCP or UDP port; 0 lets the kernel choose.
        case port
        /// An IPv4 or IPv6 address.
        case address
        /// An IPv4 or IPv6 block in CIDR notation.
        case block
        /// A duration as Go writes it, such as `1h30m`.
        case duration
        /// True or false; the flag alone means true.
        case boolean
        /// One of these words.
        case choice([String])
        /// Several values: the flag is repeated, the environment variable separates them by commas.
        case list(Kind)
        /// Several `key:value`, given like a list.
        case map(secret: Bool)
        /// Several device rules of the device cgroup, `type major:minor access`.
        case devices
    }

    /// What a setting does in this version.
    enum Effect: Sendable, Hashable {
        /// It changes what Apron does.
        case used
        /// It is accepted for the stock worker's sake and does nothing, for the reason given.
        case none(String)
    }

    /// The flag without its dashes.
    let name: String
    /// The environment variable.
    let variable: String
    /// What a value may look like.
    let kind: Kind
    /// The value when none is given, as it would be given; nil is none at all.
    let standard: String?
    /// The group it is printed in.
    let section: Section
    /// One phrase for the help.
    let help: String
    /// What it does in this version.
    let effect: Effect
}

extension Setting {
    /// The groups of the help, in its order.
    enum Section: String, Sendable, CaseIterable {
        case worker = "Worker"
        case containers = "Containers"
        case network = "Network of containers"
        case telemetry = "Logs and traces"
        case operations = "Operations page"
        case cluster = "Cluster"
        case volumes = "Volumes"
        case guardian = "Guardian"
    }

    /// A flag of the stock worker that has its effect here.
    static func stock(
        _ name: String, _ kind: Kind, _ standard: String? = nil, _ section: Section, _ help: String,
        variable: String? = nil
    ) -> Setting {
        Setting(
            name: name, variable: variable ?? environmentName("CONCOURSE", name), kind: kind, standard: standard,
            section: section, help: help, effect: .used)
    }

    /// A flag of the stock worker that is accepted and does nothing.
    static func idle(
        _ name: String, _ kind: Kind, _ standard: String? = nil, _ section: Section, because reason: String,
        variable: String? = nil
    ) -> Setting {
        Setting(
            name: name, variable: variable ?? environmentName("CONCOURSE", name), kind: kind, standard: standard,
            section: section, help: "", effect: .none(reason))
    }

    /// A flag that only Apron has. Its variable begins with `APRON_`, since names that begin with `CONCOURSE_` belong
    /// to the stock worker, and some of them exclude each other.
    static func own(
        _ name: String, _ kind: Kind, _ standard: String? = nil, _ section: Section, _ help: String
    ) -> Setting {
        Setting(
            name: name, variable: environmentName("APRON", name), kind: kind, standard: standard, section: section,
            help: help, effect: .used)
    }

    private static let dash = UInt8(ascii: "-")
    private static let underscore = UInt8(ascii: "_")

    private static func environmentName(_ prefix: String, _ name: String) -> String {
        prefix + "_" + String(decoding: name.uppercased().utf8.map { $0 == dash ? underscore : $0 }, as: UTF8.self)
    }

    /// Whether the flag stands alone, without a value.
    var isSwitch: Bool { kind == .boolean }

    /// Whether giving it twice adds up.
    var isRepeatable: Bool {
        switch kind {
        case .list, .map, .devices: true
        default: false
        }
    }

    /// Whether its value must never be printed.
    var isSecret: Bool {
        switch kind {
        case .secret, .map(secret: true): true
        default: false
        }
    }
}
