/// Where instants of a trace stand on a line.
///
/// A process may live for days, and minutes may pass between two requests: true to scale, steps of milliseconds beside
/// them could not be seen. So where at most processes run for longer than everything else takes, that time is shortened to
/// a quarter of the line; within a piece of the line time is true to scale.
struct TimeScale {
    private struct Piece {
        let begin: UInt64
        let end: UInt64
        /// Its share of the line, from 0 to 1.
        let place: Double
        let width: Double
        let isShortened: Bool
    }

    private let pieces: [Piece]
    /// How much time is shortened, in nanoseconds.
    let shortened: UInt64

    /// - Parameters:
    ///   - spans: the spans of one trace
    ///   - range: what the line stands for; open spans last until its end
    init(_ spans: [RecordedSpan], _ range: ClosedRange<UInt64>) {
        let busy = Self.union(
            Self.work(spans, range.upperBound).map { ($0.start, max($0.start, $0.end ?? range.upperBound)) })
        var quiet: [(begin: UInt64, end: UInt64)] = []
        var before = range.lowerBound
        for piece in busy + [(range.upperBound, range.upperBound)] {
            if piece.begin > before { quiet.append((before, piece.begin)) }
            before = piece.end
        }
        let worked = Self.length(busy)
        guard worked > 0, Self.length(quiet) > worked else {
            pieces = [
                Piece(begin: range.lowerBound, end: range.upperBound, place: 0, width: 1, isShortened: false)
            ]
            shortened = 0
            return
        }
        let most = Double(worked) / 3 / Double(quiet.count)
        let lengths =
            (busy.map { ($0, Double($0.end - $0.begin)) } + quiet.map { ($0, min(Double($0.end - $0.begin), most)) })
            .sorted { $0.0.begin < $1.0.begin }
        let total = lengths.reduce(0) { $0 + $1.1 }
        var pieces: [Piece] = []
        var place = 0.0
        for ((begin, end), length) in lengths {
            let isShortened = length < Double(end - begin) / 2
            pieces.append(
                Piece(begin: begin, end: end, place: place, width: length / total, isShortened: isShortened))
            place += length / total
        }
        self.pieces = pieces
        shortened = pieces.reduce(0) { $1.isShortened ? $0 + $1.end - $1.begin : $0 }
    }

    /// The place of an instant, from 0 to 1.
    func place(of instant: UInt64) -> Double {
        guard let piece = pieces.last(where: { $0.begin <= instant }), piece.end > piece.begin else { return 0 }
        let share = Double(min(instant, piece.end) - piece.begin) / Double(piece.end - piece.begin)
        return min(1, piece.place + piece.width * share)
    }

    /// Whether time is shortened at a place.
    func isShortened(at place: Double) -> Bool {
        pieces.last { $0.place <= place }?.isShortened ?? false
    }

    /// Spans that are the worker's own work: neither processes, nor what only lasts as long as one below it.
    private static func work(_ spans: [RecordedSpan], _ last: UInt64) -> [RecordedSpan] {
        let processes = spans.filter { [Phase.process.rawValue, Phase.processAttach.rawValue].contains($0.name) }
        let known = Dictionary(spans.map { ($0.context.spanID, $0) }) { first, _ in first }
        var waiting = Set(processes.map(\.context.spanID))
        for process in processes {
            var parent = process.parentID.flatMap { known[$0] }
            // Contexts also come from outside and might form a ring.
            for _ in 0..<spans.count {
                guard let span = parent, !waiting.contains(span.context.spanID) else { break }
                if span.end ?? last >= process.end ?? last { waiting.insert(span.context.spanID) }
                parent = span.parentID.flatMap { known[$0] }
            }
        }
        return spans.filter { !waiting.contains($0.context.spanID) }
    }

    private static func union(_ parts: [(begin: UInt64, end: UInt64)]) -> [(begin: UInt64, end: UInt64)] {
        var union: [(begin: UInt64, end: UInt64)] = []
        for part in parts.sorted(by: { $0.begin < $1.begin }) {
            if let last = union.last, part.begin <= last.end {
                union[union.count - 1].end = max(last.end, part.end)
            } else {
                union.append(part)
            }
        }
        return union
    }

    private static func length(_ parts: [(begin: UInt64, end: UInt64)]) -> UInt64 {
        parts.reduce(0) { $0 + $1.end - $1.begin }
    }
}
