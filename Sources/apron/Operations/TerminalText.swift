/// Text for a terminal: what comes from containers must neither move the cursor nor write lines.
enum TerminalText {
    /// The text on one line, control characters replaced.
    static func line(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalar == "\n" ? " " : "?"
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Exactly so many columns: cut with a mark, or filled with blanks.
    static func fitted(_ text: String, _ columns: Int, isRight: Bool = false) -> String {
        let text = line(text)
        guard text.count <= columns else { return text.prefix(max(0, columns - 1)) + "…" }
        let blanks = String(repeating: " ", count: columns - text.count)
        return isRight ? blanks + text : text + blanks
    }

    /// `2m 5s`, `3h 2m`, `4d 1h`: an age in milliseconds.
    static func age(_ milliseconds: Double) -> String {
        let seconds = Int(max(0, milliseconds) / 1000)
        switch seconds {
        case 0..<60: return "\(seconds)s"
        case 60..<3600: return "\(seconds / 60)m \(seconds % 60)s"
        case 3600..<172_800: return "\(seconds / 3600)h \(seconds / 60 % 60)m"
        default: return "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
        }
    }

    /// `870 µs`, `4.1 ms`, `61.0 s`: a duration in milliseconds.
    static func duration(_ milliseconds: Double) -> String {
        switch milliseconds {
        case ..<1: "\(Int(max(0, milliseconds) * 1000)) µs"
        case ..<1000: tenths(milliseconds) + " ms"
        case ..<60_000: tenths(milliseconds / 1000) + " s"
        default: age(milliseconds)
        }
    }

    /// `12.3`.
    static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    /// `93.1 MiB`, or a dash.
    static func bytes(_ count: UInt64?) -> String {
        guard let count else { return "–" }
        var value = Double(count)
        var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
        while value >= 1024, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        return (units.first == "B" ? "\(count)" : tenths(value)) + " \(units.first ?? "B")"
    }

    /// The time of day in UTC of milliseconds since the epoch.
    static func clock(_ milliseconds: Double) -> String {
        let seconds = Int(milliseconds / 1000)
        return [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
