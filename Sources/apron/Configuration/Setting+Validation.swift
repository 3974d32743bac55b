internal import Runtime

extension Setting {
    /// Says what is wrong with a value, or nil when nothing is. For settings that can be repeated the value is one
    /// element.
    func complaint(about value: String) -> String? { kind.complaint(about: value) }
}

extension Setting.Kind {
    /// Says what is wrong with a value, as a phrase that follows the flag's name; nil when nothing is.
    func complaint(about value: String) -> String? {
        if value.utf8.contains(0) || value.utf8.contains(UInt8(ascii: "\n")) { return "must be one line" }
        switch self {
        case .text, .secret:
            return nil
        case .path:
            return value.hasPrefix("/") ? nil : "must be an absolute path, not '\(value)'"
        case .integer(let range):
            guard let number = Int(value), range.contains(number) else {
                let upTo =
                    range.upperBound == .max
                    ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
                return "must be a number, \(upTo), not '\(value)'"
            }
            return nil
        case .port:
            guard let number = Int(value), 0...65535 ~= number else {
                return "must be a port, 0 to 65535, not '\(value)'"
            }
            return nil
        case .address:
            return InternetAddress(value) == nil ? "must be an IP address, not '\(value)'" : nil
        case .block:
            return AddressBlock(value) == nil
                ? "must be a block of addresses such as 10.80.0.0/16, not '\(value)'" : nil
        case .duration:
            return GoDuration.parse(value) == nil ? "must be a duration such as 30s or 1h30m, not '\(value)'" : nil
        case .boolean:
            return GoBoolean.parse(value) == nil ? "must be true or false, not '\(value)'" : nil
        case .choice(let words):
            return words.contains(value) ? nil : "must be one of \(words.joined(separator: ", ")), not '\(value)'"
        case .list(let kind):
            return kind.complaint(about: value)
        case .map:
            let sign = value.firstIndex { $0 == ":" || $0 == "=" }
            return sign.map { $0 > value.startIndex } ?? false ? nil : "must be key:value"
        case .devices:
            return DeviceRule(value) == nil
                ? "must be 'type major:minor access' such as 'c 10:229 rwm', not '\(value)'" : nil
        }
    }

    /// What stands for the value in the help; nil for a switch.
    var placeholder: String? {
        switch self {
        case .text(let word), .secret(let word), .path(let word): word
        case .integer: "N"
        case .port: "PORT"
        case .address: "IP"
        case .block: "CIDR"
        case .duration: "DURATION"
        case .boolean: nil
        case .choice(let words): words.joined(separator: "|")
        case .list(let kind): kind.placeholder
        case .map: "KEY:VALUE"
        case .devices: "RULE"
        }
    }
}
