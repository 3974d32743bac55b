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
    /// Lines of one failure.
    static let failureLinesMax = 4

    private let style: Style

    /// Draws in a style.
    public init(_ style: Style = Style()) { self.style = style }

    /// The picture, each line ended by a line break; empty when there are no spans.
    /// - Parameters:
    ///   - spans: the spans of one trace, by their begin
    ///   - now: where the bars of open spans end, in nanoseconds of CLOCK_BOOTTIME; the last end of all unless given
    public func draw(_ spans: [RecordedSpan], now: UInt64? = nil) -> String {
        let tree = SpanTree(spans)
        let nodes = tree.nodes
        guard let begin = nodes.map(\.span.start).min() else { return "" }
        let lastEnd = nodes.map { $0.span.end ?? $0.span.start }.max() ?? begin
        let end = max(now ?? lastEnd, lastEnd, begin + 1)
        let layout = Layout(nodes, columns: max(style.columns, Self.columnsMin))
        let scale = TimeScale(spans, begin...end)
        let bar = Bar(scale, columns: layout.bar, isASCII: style.isASCII)
        var lines: [String] = nodes.prefix(Self.linesMax).map { line($0, layout, bar, end) }
        if nodes.count > Self.linesMax {
            lines.append("… and \(nodes.count - Self.linesMax) more spans".ascii(style.isASCII))
        }
        if scale.shortened > 0 { lines.append(note(on: scale, layout.columns)) }
        lines += nodes.prefix(Self.linesMax).flatMap { failure($0.span, tree, layout.columns) }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Where the columns of the picture are.
    private struct Layout {
        let columns: Int
        let mark: Int
        let label: Int
        let bar: Int
        let duration: Int

        init(_ nodes: [SpanTree<RecordedSpan>.Node], columns: Int) {
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

    private func line(_ node: SpanTree<RecordedSpan>.Node, _ layout: Layout, _ bar: Bar, _ last: UInt64) -> String {
        let span = node.span
        let end = span.end ?? last
        let length = TimeSpan(nanoseconds: end - span.start)
        let duration =
            (style.isASCII ? length.ascii : length.description).padded(toLeft: 7) + (span.isUnfinished ? "*" : "")
        // Deeper than the label is wide, the indentation ends so that at least some of the name is seen.
        let indent = String(repeating: " ", count: min(node.depth * 2, layout.label / 2))
        let mark = layout.mark == 0 ? "" : span.status.isError ? (style.isASCII ? "x " : "✗ ") : "  "
        let label = (indent + span.name.visible).fitted(layout.label, isASCII: style.isASCII)
        return coloured(mark, .red) + label + " " + coloured(bar.draw(span.start...end), colour(of: span)) + " "
            + duration
    }

    /// Where time is not true to scale.
    private func note(on scale: TimeScale, _ columns: Int) -> String {
        let length = TimeSpan(nanoseconds: scale.shortened)
        let text =
            "\(Bar.shortened(isASCII: style.isASCII)) shortened: \(style.isASCII ? length.ascii : length.description)"
            + " in which at most processes ran"
        return text.fitted(min(text.count, columns), isASCII: style.isASCII)
    }

    /// What a failed span says, below the picture; nothing where a span below it says the same.
    private func failure(_ span: RecordedSpan, _ tree: SpanTree<RecordedSpan>, _ columns: Int) -> [String] {
        guard let sentence = span.failure,
            !tree.below(span.context.spanID).contains(where: { $0.span.failure == sentence })
        else { return [] }
        let text = (style.isASCII ? "x " : "✗ ") + "\(span.name): \(sentence)".visible.ascii(style.isASCII)
        var lines = text.wrapped(columns, indent: 4)
        if lines.count > Self.failureLinesMax {
            let last = lines[Self.failureLinesMax - 1]
            let cut = (last + "  ").fitted(min(last.count + 1, columns), isASCII: style.isASCII)
            lines = lines.prefix(Self.failureLinesMax - 1) + [cut]
        }
        return lines.map { coloured($0, .red) }
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

    /// Cut into lines of at most so many characters, at blanks where there are any; all but the first are indented.
    fileprivate func wrapped(_ columns: Int, indent: Int) -> [String] {
        var lines: [String] = []
        var rest = self[...]
        while !rest.isEmpty {
            let lead = lines.isEmpty ? "" : String(repeating: " ", count: indent)
            let room = columns - lead.count
            if rest.count <= room {
                lines.append(lead + rest)
                break
            }
            let piece = rest.prefix(room + 1)
            // A word that is longer than half of a line is cut.
            let blank = piece.lastIndex(of: " ").flatMap { piece[..<$0].count > room / 2 ? $0 : nil }
            let end = blank ?? rest.index(rest.startIndex, offsetBy: room)
            lines.append(lead + rest[..<end])
            rest = rest[end...].drop { $0 == " " }
        }
        return lines
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

extension RecordedSpan {
    /// Why it failed; nil unless it did.
    fileprivate var failure: String? {
        guard case .error(let type, let text) = status else { return nil }
        return text.isEmpty ? type : text
    }
}
