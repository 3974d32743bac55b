internal import Telemetry

/// The `OTEL_*` variables, read as OpenTelemetry wants it: empty is unset, the name for one signal beats the general
/// one, and what makes no sense is warned about and ignored.
struct OTelEnvironment: Sendable {
    private let values: [String: String]
    /// What was ignored and why, without values that may be secrets.
    private(set) var warnings: [String] = []

    /// Keeps the variables of that kind which say something.
    init(_ environment: [String: String]) {
        values = environment.filter { $0.key.hasPrefix("OTEL_") && !$0.value.isEmpty }
    }

    /// Names and values, sorted by name; what may be a secret is hidden.
    var shown: [(name: String, value: String)] {
        values.sorted { $0.key < $1.key }.map { name, value in
            (name, Self.isSecret(name, value) ? Self.hidden : value)
        }
    }

    /// What stands for a secret.
    static let hidden = "***"

    private static func isSecret(_ name: String, _ value: String) -> Bool {
        name.hasSuffix("_HEADERS") || mayHoldSecret(address: value)
    }

    /// Whether an address may hold a password before its host, or a key in its query.
    static func mayHoldSecret(address: String) -> Bool {
        address.contains("://") && (address.contains("@") || address.contains("?"))
    }

    /// The value of the first of these names that is set.
    func text(_ names: [String]) -> String? { names.lazy.compactMap { values[$0] }.first }

    /// Whether one of the names is set.
    func has(_ names: String...) -> Bool { names.contains { values[$0] != nil } }

    /// The value of a name.
    func text(_ name: String) -> String? { values[name] }

    /// A truth value: `true` in any case, everything else is false.
    mutating func isTrue(_ names: [String]) -> Bool {
        guard let (name, value) = first(names) else { return false }
        let word = value.lowercased()
        if word != "true", word != "false" { warn(name, "is taken for false: only true and false are known") }
        return word == "true"
    }

    /// A whole number in a range.
    mutating func number(_ names: [String], _ range: ClosedRange<Int>) -> Int? {
        guard let (name, value) = first(names) else { return nil }
        if let number = Int(value.trimmingBlanks), range.contains(number) { return number }
        let upTo =
            range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
        warn(name, "is ignored: it must be a number, \(upTo)")
        return nil
    }

    /// A share between 0 and 1.
    mutating func share(_ name: String) -> Double? {
        guard let value = values[name] else { return nil }
        if let share = Double(value.trimmingBlanks), (0...1).contains(share) { return share }
        warn(name, "is ignored: it must be a number between 0 and 1")
        return nil
    }

    /// One of several words, in any case.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ names: [String], _ type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let (name, value) = first(names) else { return nil }
        let word = value.lowercased()
        if let choice = type.init(rawValue: word) { return choice }
        let words = type.allCases.map(\.rawValue).joined(separator: ", ")
        warn(name, "is ignored: it must be one of \(words)")
        return nil
    }

    /// The words of a list with commas, in lower case.
    func words(_ name: String) -> [String]? {
        values[name].map { value in
            value.lowercased().split(separator: ",").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
        }
    }

    /// Percent-encoded pairs, `key=value,key=value`.
    mutating func pairs(_ names: [String]) -> [(key: String, value: String)]? {
        guard let (name, value) = first(names) else { return nil }
        guard let resource = Resource(environmentValue: value) else {
            // The value may be a secret.
            warn(name, "is ignored: it must be key=value,key=value, percent-encoded")
            return nil
        }
        return resource.attributes.map { attribute in
            guard case .string(let text) = attribute.value else { return (attribute.key.name, "") }
            return (attribute.key.name, text)
        }
    }

    /// Notes that a variable was not used as it was given.
    mutating func warn(_ name: String, _ phrase: String) { warnings.append("environment variable \(name) \(phrase)") }

    private func first(_ names: [String]) -> (name: String, value: String)? {
        names.lazy.compactMap { name in values[name].map { (name, $0) } }.first
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmingBlanks: String {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return String(rest)
    }
}
