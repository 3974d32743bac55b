import Testing

@testable import Kernel
@testable import Runtime

/// Reduced filters are compared with what libseccomp makes, call by call.
@Suite struct FilterReductionTests {
    private static let architectures: [UInt32] = [0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0, 1, .max]

    @Test func decidesAlikeWithFewerInstructions() throws {
        for profile in [SeccompProfile.unprivileged(), .fuseOnly()] {
            let whole = try #require(FilterProgram(SeccompFilter.compile(profile)))
            let reduced = FilterReduction.reduced(whole)
            #expect(reduced.instructions.count < whole.instructions.count / 2)
            #expect(reduced.bytes == (try SeccompFilter(profile)).bytes)
            #expect(try #require(FilterProgram(reduced.bytes)) == reduced)
            #expect(firstDifference(whole, reduced) == nil)
        }
    }

    @Test func argumentsAreLookedAtAsBefore() throws {
        let profile = SeccompProfile(
            defaultAction: .fail(.noSystemCall), architectures: SeccompProfile.unprivileged().architectures,
            rules: [
                SeccompProfile.Rule(.allow, ["read", "write"]),
                SeccompProfile.Rule(.allow, ["ioctl"], when: [.init(1, .equal, 0x5401), .init(0, .less, 3)]),
                SeccompProfile.Rule(.fail(.permission), ["ioctl"], when: [.init(1, .equal, 0x5412)]),
                SeccompProfile.Rule(.killProcess, ["socket"], when: [.init(0, .maskedEqual, 0xf0, 0x10)]),
            ])
        let whole = try #require(FilterProgram(SeccompFilter.compile(profile)))
        #expect(firstDifference(whole, FilterReduction.reduced(whole)) == nil)
    }

    @Test func whatIsNotUnderstoodStays() {
        let code = FilterInstruction.Code.self
        // Tests bits of the number.
        let odd = FilterProgram([
            FilterInstruction(code: code.load, operand: 0),
            FilterInstruction(code: code.jumpIfAnyBit, ifTrue: 0, ifFalse: 1, operand: 1),
            FilterInstruction(code: code.answer, operand: 0), FilterInstruction(code: code.answer, operand: 1),
        ])
        #expect(FilterReduction.reduced(odd) == odd)
        // A jump out of the program, a truncated instruction, and an unknown one.
        #expect(FilterProgram([0x15, 0, 9, 9, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(FilterProgram([6, 0, 0, 0, 0]) == nil)
        #expect(FilterProgram([0x87, 0, 0, 0, 0, 0, 0, 0]) == nil)
    }

    /// The first call about which two filters differ.
    private func firstDifference(_ one: FilterProgram, _ other: FilterProgram) -> [UInt32]? {
        let arguments: [[UInt32]] = [
            [], Array(repeating: .max, count: 12), Array(repeating: 2, count: 12),
            [0, 0, 0x5401, 0, 0, 0], [2, 0, 0x5401, 0], [5, 0, 0x5401, 0], [1, 0, 0x5412, 0], [0x15, 0], [0x25, 0],
            [0x7e02_0000, 0], [0x8, 0], [0x2_0000, 0], [0xffff_ffff, 0], [0x1000_0000, 0, 0x1000_0000, 0],
        ]
        var numbers = Array(UInt32(0)..<1100)
        numbers += (0..<1100).map { 0x4000_0000 + $0 } + [0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, .max - 1, .max]
        for architecture in Self.architectures {
            for number in numbers {
                for words in arguments.map({ [number, architecture, 7, 7] + $0 })
                where one.answer(words) != other.answer(words) {
                    return words
                }
            }
        }
        return nil
    }
}
