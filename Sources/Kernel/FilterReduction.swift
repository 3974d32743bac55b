/// Says in fewer instructions what a filter for system calls decides.
///
/// A filter that names each of some four hundred calls is translated, checked and compiled by the kernel for every
/// program that loads it; that took a tenth of a container's whole life. Most neighbours among the numbers are treated
/// alike, so that a search among ranges of numbers decides the same with a fraction of the instructions. Where a filter
/// looks at arguments, its own instructions are taken over as they are.
struct FilterReduction {
    /// What follows once architecture and number are known.
    private enum Outcome: Hashable {
        case answer(UInt32)
        /// From this instruction on the original looks at something else.
        case rest(Int)
    }

    /// Numbers from `first` up to the next range.
    private struct NumberRange {
        let first: UInt32
        let outcome: Outcome
    }

    /// What the accumulator holds.
    private enum Source: Hashable { case nothing, architecture, number }

    private let original: FilterProgram
    private var architectures: Set<UInt32> = []
    /// Numbers at which the answer may change.
    private var bounds: Set<UInt32> = [0]
    private var isUnderstood = true

    /// A filter with the same answers; the given one when it is not understood or no longer.
    static func reduced(_ filter: FilterProgram) -> FilterProgram {
        var reduction = FilterReduction(original: filter)
        reduction.explore()
        guard reduction.isUnderstood, !reduction.architectures.isEmpty else { return filter }
        let shorter = reduction.rebuilt()
        let isBetter = shorter.instructions.count < filter.instructions.count && reduction.agrees(with: shorter)
        return isBetter ? shorter : filter
    }

    private init(original: FilterProgram) { self.original = original }

    // MARK: What the original distinguishes

    /// Visits what can be reached by tests of architecture and number alone.
    private mutating func explore() {
        var pending: [(index: Int, source: Source)] = [(0, .nothing)]
        var seen: [Source: Set<Int>] = [:]
        while let (index, source) = pending.popLast() {
            guard seen[source, default: []].insert(index).inserted else { continue }
            let instruction = original.instructions[index]
            switch instruction.code {
            case FilterInstruction.Code.answer: continue
            case FilterInstruction.Code.load:
                if let source = Self.source(instruction) { pending.append((index + 1, source)) }
            case FilterInstruction.Code.jump: pending.append((original.target(of: index, isTaken: true), source))
            default:
                note(instruction, source)
                for isTaken in [false, true] where instruction.isTest {
                    pending.append((original.target(of: index, isTaken: isTaken), source))
                }
            }
        }
    }

    private mutating func note(_ instruction: FilterInstruction, _ source: Source) {
        let next = instruction.operand == .max ? instruction.operand : instruction.operand + 1
        switch (source, instruction.code) {
        case (.architecture, FilterInstruction.Code.jumpIfEqual): architectures.insert(instruction.operand)
        case (.number, FilterInstruction.Code.jumpIfEqual): bounds.formUnion([instruction.operand, next])
        case (.number, FilterInstruction.Code.jumpIfGreater): bounds.insert(next)
        case (.number, FilterInstruction.Code.jumpIfNotLess): bounds.insert(instruction.operand)
        default: isUnderstood = false
        }
    }

    private static func source(_ load: FilterInstruction) -> Source? {
        switch load.operand {
        case FilterProgram.Field.architecture: .architecture
        case FilterProgram.Field.number: .number
        default: nil
        }
    }

    /// What comes of a call, as far as its architecture and number settle it.
    private func outcome(_ architecture: UInt32, _ number: UInt32) -> Outcome {
        var value: UInt32 = 0
        var index = 0
        while true {
            let instruction = original.instructions[index]
            switch instruction.code {
            case FilterInstruction.Code.answer: return .answer(instruction.operand)
            case FilterInstruction.Code.load:
                guard let source = Self.source(instruction) else { return .rest(index) }
                value = source == .architecture ? architecture : number
                index += 1
            case FilterInstruction.Code.jump: index = original.target(of: index, isTaken: true)
            default: index = original.target(of: index, isTaken: instruction.holds(for: value))
            }
        }
    }

    /// Whether both answer alike at every bound, for arguments of all zeros, all ones and small numbers: nobody shall
    /// have to trust this file.
    private func agrees(with other: FilterProgram) -> Bool {
        let arguments: [[UInt32]] = [[], Array(repeating: .max, count: 12), (0..<12).map { UInt32($0) }]
        let instructionPointer: [UInt32] = [0, 0]
        for architecture in architectures.union([0, .max]) {
            for number in bounds {
                for words in arguments.map({ [number, architecture] + instructionPointer + $0 })
                where original.answer(words) != other.answer(words) {
                    return false
                }
            }
        }
        return true
    }

    private func ranges(_ architecture: UInt32) -> [NumberRange] {
        var ranges: [NumberRange] = []
        for first in bounds.sorted() {
            let outcome = outcome(architecture, first)
            if ranges.last?.outcome != outcome { ranges.append(NumberRange(first: first, outcome: outcome)) }
        }
        return ranges
    }

    // MARK: The same in fewer instructions

    private func rebuilt() -> FilterProgram {
        var writer = FilterWriter()
        // One that no test names stands for all others.
        var other: UInt32 = 0
        while architectures.contains(other) { other += 1 }
        let tables = ([other] + architectures.sorted()).map { (architecture: $0, ranges: ranges($0)) }
        var starts: [Outcome: FilterWriter.Place] = [:]
        for case .rest(let index) in tables.flatMap({ $0.ranges.map(\.outcome) }) where starts[.rest(index)] == nil {
            starts[.rest(index)] = writer.copy(original, from: index)
        }
        let searches = tables.map { table in
            // A number is loaded only where it matters.
            if table.ranges.count == 1 { return place(of: table.ranges[0].outcome, starts, &writer) }
            let search = search(table.ranges[...], starts, &writer)
            return writer.load(FilterProgram.Field.number, then: search)
        }
        var choice = searches[0]
        for (table, search) in zip(tables, searches).dropFirst() {
            choice = writer.test(FilterInstruction.Code.jumpIfEqual, table.architecture, search, choice)
        }
        _ = writer.load(FilterProgram.Field.architecture, then: choice)
        return writer.program
    }

    private func place(
        of outcome: Outcome, _ starts: [Outcome: FilterWriter.Place], _ writer: inout FilterWriter
    ) -> FilterWriter.Place {
        if case .answer(let answer) = outcome { return writer.answer(answer) }
        return starts[outcome] ?? writer.answer(0)
    }

    /// A binary search among ranges, with the number loaded.
    private func search(
        _ ranges: ArraySlice<NumberRange>, _ starts: [Outcome: FilterWriter.Place], _ writer: inout FilterWriter
    ) -> FilterWriter.Place {
        guard let first = ranges.first, ranges.count > 1 else {
            return place(of: ranges.first?.outcome ?? .answer(0), starts, &writer)
        }
        let second = ranges[ranges.startIndex + 1]
        if ranges.count == 3, let third = ranges.last, third.outcome == first.outcome,
            third.first == second.first + 1
        {
            // One number alone is told from its neighbours by one test.
            let (one, around) = (
                place(of: second.outcome, starts, &writer), place(of: first.outcome, starts, &writer)
            )
            return writer.test(FilterInstruction.Code.jumpIfEqual, second.first, one, around)
        }
        let middle = ranges.startIndex + ranges.count / 2
        let upper = search(ranges[middle...], starts, &writer)
        let lower = search(ranges[..<middle], starts, &writer)
        return writer.test(FilterInstruction.Code.jumpIfNotLess, ranges[middle].first, upper, lower)
    }
}
