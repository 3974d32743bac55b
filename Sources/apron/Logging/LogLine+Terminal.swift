internal import Logging
internal import Telemetry

extension LogLine {
    /// The line for a reader: time of day, level in colour, logger, message, fields.
    var terminal: [UInt8] {
        var line = "\u{1b}[2m" + CalendarTime(unixTime: time).clock + "\u{1b}[0m "
        line +=
            colour + levelWord.uppercased() + "\u{1b}[0m" + String(repeating: " ", count: max(1, 7 - levelWord.count))
        line += "\u{1b}[2m\(logger)\u{1b}[0m " + Self.visible(message)
        for key in Self.topKeys {
            if let value = top(key) { line += field(key, value.description) }
        }
        if let error { line += field("error", "\(error)") }
        for (key, value) in otherFields { line += field(key, value.description) }
        return Array((line + "\n").utf8)
    }

    private var colour: String {
        switch level {
        case .trace, .debug: "\u{1b}[34m"
        case .info, .notice: "\u{1b}[32m"
        case .warning: "\u{1b}[33m"
        case .error, .critical: "\u{1b}[1;31m"
        }
    }

    private func field(_ key: String, _ value: String) -> String {
        let text = Self.visible(value)
        let quoted = text.isEmpty || text.contains(" ") ? "\"\(text)\"" : text
        return " \u{1b}[36m\(Self.visible(key))=\u{1b}[0m\(quoted)"
    }

    /// Text that cannot steer the terminal: what containers say ends up in messages.
    private static func visible(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f ~= $0.value) }
        if isPlain { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                result += "\\n"
            } else if scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
