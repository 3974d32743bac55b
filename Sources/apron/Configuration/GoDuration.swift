/// Durations as Go writes them: `300ms`, `1.5h`, `1h30m`, `0`.
enum GoDuration {
    /// Nanoseconds of each unit, longest name first so that `ms` is not read as `m`.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("\u{b5}s", 1_000), ("\u{3bc}s", 1_000), ("ms", 1_000_000),
        ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// The duration, or nil when the text is none, is negative, or does not fit (292 years).
    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var rest = text[...]
        if rest.hasPrefix("+") { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let part = component(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            if overflow { return nil }
            total = sum
        }
        return .nanoseconds(total)
    }

    /// Takes one number with its unit off the front; answers nanoseconds.
    private static func component(_ text: inout Substring) -> Int64? {
        let whole = text.prefix { $0.isASCII && $0.isNumber }
        text = text.dropFirst(whole.count)
        var fraction: Substring = ""
        if text.hasPrefix(".") {
            text = text.dropFirst()
            fraction = text.prefix { $0.isASCII && $0.isNumber }
            text = text.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        guard let unit = units.first(where: { text.hasPrefix($0.name) }) else { return nil }
        text = text.dropFirst(unit.name.count)
        guard let number = Int64(whole.isEmpty ? "0" : whole) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.nanoseconds)
        guard !overflow else { return nil }
        var scale = unit.nanoseconds
        var result = product
        for digit in fraction {
            scale /= 10
            let (sum, overflow) = result.addingReportingOverflow(Int64(digit.wholeNumberValue ?? 0) * scale)
            if overflow { return nil }
            result = sum
        }
        return result
    }

    /// The duration as Go would write it, to the second's fraction: `1h30m0s`, `250ms` as `0.25s`.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var result = ""
        if seconds >= 3600 { result += "\(seconds / 3600)h" }
        if seconds >= 60 { result += "\(seconds / 60 % 60)m" }
        result += "\(seconds % 60)"
        if attoseconds > 0 {
            var digits = String(1_000_000_000 + attoseconds / 1_000_000_000).dropFirst()
            while digits.hasSuffix("0") { digits = digits.dropLast() }
            result += "." + digits
        }
        return result + "s"
    }
}

/// Truth values as Go reads them.
enum GoBoolean {
    /// The truth value, or nil when the text is none.
    static func parse(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
