/// One instruction of classic BPF (`struct sock_filter`, linux/filter.h).
struct FilterInstruction: Hashable {
    static let bytes = 8

    var code: UInt16
    /// How many instructions are left out when a test holds, and when it does not.
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var operand: UInt32

    /// The kinds that a filter for system calls is made of; the numbers are the kernel's (linux/bpf_common.h).
    enum Code {
        /// A = the word at an offset of `struct seccomp_data`.
        static let load: UInt16 = 0x20
        /// A &= operand.
        static let and: UInt16 = 0x54
        static let jump: UInt16 = 0x05
        static let jumpIfEqual: UInt16 = 0x15
        static let jumpIfGreater: UInt16 = 0x25
        static let jumpIfNotLess: UInt16 = 0x35
        static let jumpIfAnyBit: UInt16 = 0x45
        static let answer: UInt16 = 0x06
    }

    /// Whether a test of this instruction holds for a value of A.
    func holds(for value: UInt32) -> Bool {
        switch code {
        case Code.jumpIfEqual: value == operand
        case Code.jumpIfGreater: value > operand
        case Code.jumpIfNotLess: value >= operand
        default: value & operand != 0
        }
    }

    var isTest: Bool {
        [Code.jumpIfEqual, Code.jumpIfGreater, Code.jumpIfNotLess, Code.jumpIfAnyBit].contains(code)
    }
}

/// A filter's instructions, as far as they are of the few kinds that filters for system calls are made of.
struct FilterProgram: Hashable {
    /// Offsets in `struct seccomp_data` (linux/seccomp.h).
    enum Field {
        static let number: UInt32 = 0
        static let architecture: UInt32 = 4
        /// The lower half of the first argument; six of eight bytes follow each other.
        static let arguments: UInt32 = 16
    }

    var instructions: [FilterInstruction]

    init(_ instructions: [FilterInstruction]) { self.instructions = instructions }

    /// Reads `struct sock_filter`s in the machine's byte order; nil when there is anything else among them, or a jump
    /// leads out of the program.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count % FilterInstruction.bytes == 0 else { return nil }
        let count = bytes.count / FilterInstruction.bytes
        instructions = []
        for index in 0..<count {
            let at = index * FilterInstruction.bytes
            let instruction = FilterInstruction(
                code: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8, ifTrue: bytes[at + 2], ifFalse: bytes[at + 3],
                operand: (0..<4).reduce(0) { $0 | UInt32(bytes[at + 4 + $1]) << (8 * UInt32($1)) })
            let isKnown: Bool
            switch instruction.code {
            case FilterInstruction.Code.load: isKnown = index + 1 < count && instruction.operand % 4 == 0
            case FilterInstruction.Code.and: isKnown = index + 1 < count
            case FilterInstruction.Code.jump: isKnown = Int(instruction.operand) < count - index - 1
            case FilterInstruction.Code.answer: isKnown = true
            default:
                let furthest = Int(max(instruction.ifTrue, instruction.ifFalse))
                isKnown = instruction.isTest && furthest < count - index - 1
            }
            guard isKnown else { return nil }
            instructions.append(instruction)
        }
    }

    /// The instructions as seccomp(2) takes them.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(instructions.count * FilterInstruction.bytes)
        for instruction in instructions {
            bytes += [UInt8(truncatingIfNeeded: instruction.code), UInt8(instruction.code >> 8)]
            bytes += [instruction.ifTrue, instruction.ifFalse]
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: instruction.operand >> (8 * $0)) }
        }
        return bytes
    }

    /// Where a test or a jump leads.
    func target(of index: Int, isTaken: Bool) -> Int {
        let instruction = instructions[index]
        if instruction.code == FilterInstruction.Code.jump { return index + 1 + Int(instruction.operand) }
        return index + 1 + Int(isTaken ? instruction.ifTrue : instruction.ifFalse)
    }

    /// What the filter answers (`SECCOMP_RET_*`), by carrying it out as the kernel does.
    /// - Parameter words: `struct seccomp_data` in words; what lies behind its end is zero
    func answer(_ words: [UInt32]) -> UInt32 {
        var value: UInt32 = 0
        var index = 0
        while true {
            let instruction = instructions[index]
            switch instruction.code {
            case FilterInstruction.Code.answer: return instruction.operand
            case FilterInstruction.Code.load:
                let word = Int(instruction.operand / 4)
                value = word < words.count ? words[word] : 0
                index += 1
            case FilterInstruction.Code.and:
                value &= instruction.operand
                index += 1
            case FilterInstruction.Code.jump: index = target(of: index, isTaken: true)
            default: index = target(of: index, isTaken: instruction.holds(for: value))
            }
        }
    }
}
