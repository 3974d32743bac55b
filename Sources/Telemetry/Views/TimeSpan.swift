/// A duration in the unit in which people read it.
public struct TimeSpan: CustomStringConvertible {
    let nanoseconds: UInt64

    /// A duration in nanoseconds.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Three digits that count: `870 ns`, `12.3 µs`, `4.01 ms`, `61.0 s`.
    public var description: String { text(micro: "µs") }

    /// As ``description``, with `us` for the one unit that is not ASCII.
    var ascii: String { text(micro: "us") }

    /// Milliseconds with up to three digits after the point and no superfluous zero: `2.31`.
    var milliseconds: String {
        let micros = (nanoseconds + 500) / 1000
        var text = "\(micros / 1000)"
        var (rest, unit) = (micros % 1000, UInt64(100))
        if rest > 0 { text += "." }
        while rest > 0 {
            text += "\(rest / unit)"
            (rest, unit) = (rest % unit, unit / 10)
        }
        return text
    }

    private func text(micro: String) -> String {
        let units: [(name: String, size: UInt64)] = [("s", 1_000_000_000), ("ms", 1_000_000), (micro, 1000)]
        for unit in units where nanoseconds >= unit.size {
            return Self.threeDigits(nanoseconds, unit.size) + " " + unit.name
        }
        return "\(nanoseconds) ns"
    }

    /// Cut, not rounded, so that nothing reads `1000 µs`.
    private static func threeDigits(_ value: UInt64, _ unit: UInt64) -> String {
        let whole = value / unit
        let hundredths = value % unit * 100 / unit
        return switch whole {
        case 0..<10: "\(whole)." + (hundredths < 10 ? "0" : "") + "\(hundredths)"
        case 10..<100: "\(whole).\(hundredths / 10)"
        default: "\(whole)"
        }
    }
}
