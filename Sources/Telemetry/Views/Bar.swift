/// A bar of a given length at a given place of a line, drawn in eighths of a column.
struct Bar {
    private let scale: TimeScale
    private let columns: Int
    private let isASCII: Bool
    /// The columns in which time is shortened.
    private let isShortened: [Bool]

    /// A line of so many columns on which time has that scale.
    init(_ scale: TimeScale, columns: Int, isASCII: Bool) {
        self.scale = scale
        self.columns = columns
        self.isASCII = isASCII
        isShortened = (0..<columns).map { scale.isShortened(at: (Double($0) + 0.5) / Double(columns)) }
    }

    /// What stands for a bar where time is shortened.
    static func shortened(isASCII: Bool) -> Character { isASCII ? "~" : "┅" }

    /// The line with a bar for a part of the time; never without anything, however short the part is.
    func draw(_ part: ClosedRange<UInt64>) -> String {
        let steps = columns * 8
        let from = min(step(part.lowerBound, steps), steps - 1)
        let to = max(step(part.upperBound, steps), from + 1)
        return String(
            (0..<columns).map { column in
                let cell = cell(column * 8, from, to)
                return cell != " " && isShortened[column] ? Self.shortened(isASCII: isASCII) : cell
            })
    }

    private func step(_ instant: UInt64, _ steps: Int) -> Int {
        Int((scale.place(of: instant) * Double(steps)).rounded())
    }

    /// The column that begins at that step, for a bar between two steps.
    private func cell(_ begin: Int, _ from: Int, _ to: Int) -> Character {
        let first = max(from - begin, 0)
        let last = min(to - begin, 8)
        if first >= last { return " " }
        if isASCII { return "#" }
        // There are blocks for every left part of a column, but only one for a right part: its half.
        if last == 8 { return first >= 4 ? "▐" : "█" }
        // A bar that begins and ends within the column: its length counts, its place is the column's.
        return Self.left[last - first - 1]
    }

    private static let left: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
}
