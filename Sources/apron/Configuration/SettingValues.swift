/// Settings that cannot be used as they were given; the sentence names the flag or variable at fault.
struct UsageError: Error, CustomStringConvertible {
    /// The sentence, lower case, no full stop.
    let description: String

    init(_ description: String) { self.description = description }
}

/// What flags and environment say, checked against the table: a flag beats the environment, the environment beats the
/// default.
struct SettingValues: Sendable {
    /// Where a value came from.
    enum Origin: String, Sendable {
        case flag, environment, standard = "default"
    }

    /// Values by flag; one, but for settings that can be repeated.
    private var given: [String: (values: [String], origin: Origin)] = [:]
    /// `CONCOURSE_…` and `APRON_…` variables that no setting has, sorted.
    private(set) var unknownVariables: [String] = []
    /// `CONCOURSE_GARDEN_…` variables that the stock worker would hand to guardian, sorted.
    private(set) var guardianVariables: [String] = []

    /// Reads flags and environment.
    init(arguments: [String], environment: [String: String]) throws(UsageError) {
        try readEnvironment(environment)
        var flags: [String: [String]] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let (setting, value) = try Self.parse(argument, &rest)
            if setting.isRepeatable {
                flags[setting.name, default: []].append(value)
            } else {
                flags[setting.name] = [value]
            }
        }
        for (name, values) in flags { given[name] = (values, .flag) }
    }

    /// One flag with its value, which may be the next argument.
    private static func parse(
        _ argument: String, _ rest: inout ArraySlice<String>
    ) throws(UsageError) -> (Setting, String) {
        guard argument.hasPrefix("--"), argument.count > 2 else {
            throw UsageError("unexpected argument '\(argument)'")
        }
        let body = argument.dropFirst(2)
        let equals = body.firstIndex(of: "=")
        let name = String(equals.map { body[..<$0] } ?? body)
        guard let setting = SettingTable.named(name) else {
            let hint = nearestFlag(to: name).map { "; did you mean --\($0)?" } ?? ""
            throw UsageError("unknown flag --\(name)\(hint)")
        }
        let value: String
        if let equals {
            value = String(body[body.index(after: equals)...])
        } else if setting.isSwitch {
            value = "true"
        } else if let next = rest.popFirst() {
            value = next
        } else {
            throw UsageError("flag --\(name) needs a value")
        }
        if let complaint = setting.complaint(about: value), !(value.isEmpty && setting.acceptsEmpty) {
            throw UsageError("flag --\(name) \(complaint)")
        }
        return (setting, value)
    }

    private mutating func readEnvironment(_ environment: [String: String]) throws(UsageError) {
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) {
            if let setting = SettingTable.variable(variable) {
                // The name that counts beats one that is understood for the sake of documents.
                if variable != setting.variable, environment[setting.variable]?.isEmpty == false { continue }
                // An empty variable is the same as none; deployment templates leave such behind.
                let values = setting.isRepeatable ? value.split(separator: ",").map(String.init) : [value]
                guard !value.isEmpty, !values.isEmpty else { continue }
                for value in values {
                    if let complaint = setting.complaint(about: value) {
                        throw UsageError("environment variable \(variable) \(complaint)")
                    }
                }
                given[setting.name] = (values, .environment)
            } else if variable.hasPrefix("CONCOURSE_GARDEN_") {
                guardianVariables.append(variable)
            } else if variable.hasPrefix("CONCOURSE_") || variable.hasPrefix("APRON_") {
                unknownVariables.append(variable)
            }
        }
    }

    /// Where the value in force comes from.
    func origin(_ name: String) -> Origin { given[name]?.origin ?? .standard }

    /// All values in force, the default included; empty strings are none.
    func list(_ name: String) -> [String] {
        guard let setting = SettingTable.named(name) else { preconditionFailure("no setting \(name)") }
        return (given[name]?.values ?? setting.standard.map { [$0] } ?? []).filter { !$0.isEmpty }
    }

    /// The value in force, or nil when there is none.
    func text(_ name: String) -> String? { list(name).last }

    /// The value in force of a setting that has a default of its kind, converted; the table guarantees that it can be.
    func value<Value>(_ name: String, _ convert: (String) -> Value?) -> Value {
        guard let value = text(name).flatMap(convert) else { preconditionFailure("setting \(name) has no value") }
        return value
    }

    /// Whether it was given and says something else than the default.
    func isChanged(_ name: String) -> Bool {
        guard let given = given[name], let setting = SettingTable.named(name) else { return false }
        let values = given.values.filter { !$0.isEmpty }
        if setting.isSwitch { return values.last.flatMap(GoBoolean.parse) ?? false }
        return !values.isEmpty && values != setting.standard.map { [$0] }
    }
}

extension Setting {
    /// Whether an empty value means none, rather than a mistake.
    fileprivate var acceptsEmpty: Bool {
        switch kind {
        case .text, .secret, .path, .list, .map, .devices: standard == nil && name != "work-dir"
        default: false
        }
    }
}

/// The flag that differs least from a mistyped one, when it differs little.
private func nearestFlag(to name: String) -> String? {
    // Two slips of the finger; more would suggest flags that mean something else.
    let distanceMax = 2
    let nearest = SettingTable.all.lazy.map { ($0.name, editDistance($0.name, name)) }.min { $0.1 < $1.1 }
    return nearest.flatMap { $0.1 <= distanceMax ? $0.0 : nil }
}

/// Insertions, removals and replacements that lead from one word to the other (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let replaced = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
