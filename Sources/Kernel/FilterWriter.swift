/// Writes a filter from its end to its beginning, since its jumps lead forward only.
struct FilterWriter {
    /// An instruction, counted from the program's end.
    typealias Place = Int

    /// A test leads over at most 255 instructions; one is left for a jump of the other way.
    private static let reach = 254

    /// The last instruction first.
    private var reversed: [FilterInstruction] = []
    private var answers: [UInt32: Place] = [:]

    var program: FilterProgram { FilterProgram(reversed.reversed()) }

    /// An instruction that answers, near enough for the next test.
    mutating func answer(_ answer: UInt32) -> Place {
        if let place = answers[answer], distance(to: place) <= Self.reach / 2 { return place }
        let place = append(FilterInstruction(code: FilterInstruction.Code.answer, operand: answer))
        answers[answer] = place
        return place
    }

    /// A test, with both ways.
    mutating func test(_ code: UInt16, _ operand: UInt32, _ ifTrue: Place, _ ifFalse: Place) -> Place {
        let first = near(ifTrue)
        let second = near(ifFalse)
        return append(
            FilterInstruction(
                code: code, ifTrue: UInt8(distance(to: first)), ifFalse: UInt8(distance(to: second)),
                operand: operand))
    }

    /// A load of a field, and what follows it.
    mutating func load(_ field: UInt32, then next: Place) -> Place {
        follow(next)
        return append(FilterInstruction(code: FilterInstruction.Code.load, operand: field))
    }

    /// The instructions of another program from `start` on, as far as they can be reached from there.
    mutating func copy(_ program: FilterProgram, from start: Int) -> Place {
        var reached: Set<Int> = []
        var pending = [start]
        while let index = pending.popLast() {
            guard reached.insert(index).inserted else { continue }
            let instruction = program.instructions[index]
            if instruction.code == FilterInstruction.Code.answer { continue }
            pending.append(program.target(of: index, isTaken: false))
            if instruction.isTest { pending.append(program.target(of: index, isTaken: true)) }
        }
        var places: [Int: Place] = [:]
        for index in reached.sorted(by: >) {
            let instruction = program.instructions[index]
            let next = places[program.target(of: index, isTaken: false)] ?? 0
            switch instruction.code {
            case FilterInstruction.Code.answer: places[index] = answer(instruction.operand)
            case FilterInstruction.Code.jump: places[index] = next
            case FilterInstruction.Code.load, FilterInstruction.Code.and:
                follow(next)
                places[index] = append(FilterInstruction(code: instruction.code, operand: instruction.operand))
            default:
                let taken = places[program.target(of: index, isTaken: true)] ?? 0
                places[index] = test(instruction.code, instruction.operand, taken, next)
            }
        }
        return places[start] ?? 0
    }

    private mutating func append(_ instruction: FilterInstruction) -> Place {
        reversed.append(instruction)
        return reversed.count - 1
    }

    /// How many instructions the next one leaves out to come to a place.
    private func distance(to place: Place) -> Int { reversed.count - place - 1 }

    /// The place itself, or a jump to it that a test can reach.
    private mutating func near(_ place: Place) -> Place {
        if distance(to: place) <= Self.reach { return place }
        return append(FilterInstruction(code: FilterInstruction.Code.jump, operand: UInt32(distance(to: place))))
    }

    /// Makes what is at a place follow the next instruction.
    private mutating func follow(_ place: Place) {
        if distance(to: place) > 0 {
            _ = append(FilterInstruction(code: FilterInstruction.Code.jump, operand: UInt32(distance(to: place))))
        }
    }
}
