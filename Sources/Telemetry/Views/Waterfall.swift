/// A picture in text of where the time of a trace went: one line a span, indented below its parent, with a bar on a
/// common scale.
public struct Waterfall: Sendable {
    /// How the picture is drawn.
    public struct Style: Sendable, Hashable {
        /// The most columns of a line; at least ``columnsMin`` are used.
        public var columns: Int
        /// Whether only ASCII may be used.
        public var isASCII: Bool
        /// Whether to colour with ANSI escape sequences.
        public var isColoured: Bool

        /// A style for a terminal of that width.
        public init(columns: Int = 80, isASCII: Bool = false, isColoured: Bool = false) {
            self.columns = columns
            self.isASCII = isASCII
            self.isColoured = isColoured
        }
    }

    /// Below this a name, a bar and a duration do not fit beside each other.
    public static let columnsMin = 32
    /// Lines of one picture; more do not help anybody.
    static let linesMax = 200

    private let style: Style

    /// Draws in a style.
    public init(_ style: Style = Style()) { self.style = style }

    /// The picture, each line ended by a line break; empty when there are no spans.
    /// - Parameters:
    ///   - spans: the spans of one trace, by their begin
    ///   - now: where the bars of open spans end, in nanoseconds of CLOCK_BOOTTIME; the last end of all unless given
    public func draw(_ spans: [RecordedSpan], now: UInt64? = nil) -> String {
        let nodes = SpanTree(spans).nodes
        guard let begin = nodes.map(\.span.start).min() else { return "" }
        let lastEnd = nodes.map { $0.span.end ?? $0.span.start }.max() ?? begin
        let end = max(now ?? lastEnd, lastEnd, begin + 1)
        let layout = Layout(nodes, columns: max(style.columns, Self.columnsMin))
        var lines: [String] = nodes.prefix(Self.linesMax).map { line($0, layout, begin...end) }
        if nodes.count > Self.linesMax {
            lines.append("… and \(nodes.count - Self.linesMax) more spans".ascii(style.isASCII))
        }
        lines += nodes.prefix(Self.linesMax).compactMap { failure($0.span, layout.columns) }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Where the columns of the picture are.
    private struct Layout {
        let columns: Int
        let mark: Int
        let label: Int
        let bar: Int
        let duration: Int

        init(_ nodes: [SpanTree.Node], columns: Int) {
            self.columns = columns
            mark = nodes.contains { $0.span.status.isError } ? 2 : 0
            // `12.3 ms`, and a star if anything is not over.
            duration = nodes.contains { $0.span.isUnfinished } ? 8 : 7
            // Names get what they need up to two fifths of the line; the rest is the bar's.
            let longest = nodes.map { $0.depth * 2 + $0.span.name.count }.max() ?? 0
            label = min(longest, columns * 2 / 5)
            // Two blanks, one on each side of the bar.
            bar = columns - mark - label - duration - 2
        }
    }

    private func line(_ node: SpanTree.Node, _ layout: Layout, _ range: ClosedRange<UInt64>) -> String {
        let span = node.span
        let end = span.end ?? range.upperBound
        let length = TimeSpan(nanoseconds: end - span.start)
        let duration =
            (style.isASCII ? length.ascii : length.description).padded(toLeft: 7) + (span.isUnfinished ? "*" : "")
        // Deeper than the label is wide, the indentation ends so that at least some of the name is seen.
        let indent = String(repeating: " ", count: min(node.depth * 2, layout.label / 2))
        let mark = layout.mark == 0 ? "" : span.status.isError ? (style.isASCII ? "x " : "✗ ") : "  "
        let bar = Bar(range, columns: layout.bar, isASCII: style.isASCII).draw(span.start...end)
        let label = (indent + span.name.visible).fitted(layout.label, isASCII: style.isASCII)
        return coloured(mark, .red) + label + " " + coloured(bar, colour(of: span)) + " " + duration
    }

    /// What a failed span says, below the picture.
    private func failure(_ span: RecordedSpan, _ columns: Int) -> String? {
        guard case .error(let type, let text) = span.status else { return nil }
        let sentence = text.isEmpty ? type : text
        let line = (style.isASCII ? "x " : "✗ ") + "\(span.name): \(sentence)".visible
        return coloured(line.fitted(min(line.count, columns), isASCII: style.isASCII), .red)
    }

    private enum Colour: Int {
        case red = 31
        case yellow = 33
        case cyan = 36
    }

    private func colour(of span: RecordedSpan) -> Colour {
        span.status.isError ? .red : span.isUnfinished ? .yellow : .cyan
    }

    private func coloured(_ text: String, _ colour: Colour) -> String {
        style.isColoured && text.contains { $0 != " " } ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// Control characters replaced, so that a text from a container cannot move the cursor or write lines.
    fileprivate var visible: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory.isControl ? "?" : $0 }))
    }

    /// Exactly as many characters, cut with a mark at the end or filled with blanks.
    fileprivate func fitted(_ width: Int, isASCII: Bool) -> String {
        let text = ascii(isASCII)
        if text.count <= width { return text + String(repeating: " ", count: width - text.count) }
        return text.prefix(max(0, width - 1)) + (isASCII ? "~" : "…")
    }

    fileprivate func ascii(_ isASCII: Bool) -> String {
        isASCII ? String(map { $0.isASCII ? $0 : $0 == "…" ? "~" : "?" }) : self
    }

    fileprivate func padded(toLeft width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isControl: Bool {
        self == .control || self == .format || self == .lineSeparator || self == .paragraphSeparator
    }
}
