import Kernel
import Testing

@testable import Runtime

@Suite struct CgroupDeviceTests {
    @Test(arguments: [
        "c 10:200 rwm", "b 8:* r", "a *:* rwm", "c *:3 w", "c 0:0 m", "c 4095:1048575 rw",
    ])
    func readsWhatItWrites(text: String) { #expect(DeviceRule(text)?.description == text) }

    @Test func theOrderOfLettersDoesNotMatter() { #expect(DeviceRule("c 1:2 mwr") == DeviceRule("c 1:2 rwm")) }

    @Test(arguments: [
        "", "c", "c 1:2", "c 1:2 ", "c  1:2 r", "c 1:2 r ", " c 1:2 r", "d 1:2 r", "cc 1:2 r", "c 1 r", "c 1:2:3 r",
        "c :2 r",
        "c 1: r", "c +1:2 r", "c -1:2 r", "c 0x1:2 r", "c 1:2 rr", "c 1:2 x", "c 4096:0 r", "c 1:1048576 r", "c **:1 r",
        "c ١:2 r", "c 1:2 rwm\n", "c 99999999999999999999:1 r",
    ])
    func refusesAnythingElse(text: String) { #expect(DeviceRule(text) == nil) }

    @Test func operatorsRulesFollowTheBuiltInOnes() throws {
        let extra = try #require(DeviceRule("c 10:200 rwm"))
        let policy = DevicePolicy(extra: [extra])
        #expect(policy.rules.last == extra)
        #expect(policy.rules.count == DevicePolicy.defaultRules.count + 1)
        #expect(policy.parts.map(\.isBuiltIn) == [true, false])
        #expect(DevicePolicy().parts.map(\.isBuiltIn) == [true])
    }

    /// The instructions in words, with what each means, so that a mistake in encoding shows.
    @Test func programForOneRule() throws {
        let program = try DeviceProgram.instructions(for: policy("c 1:3 rw"))
        #expect(
            program.map(\.words) == [
                "61 12 +0 0",  // r2 = *(u32 *)(r1 + 0)
                "54 02 +0 65535",  // w2 &= 0xffff
                "61 13 +0 0",  // r3 = *(u32 *)(r1 + 0)
                "74 03 +0 16",  // w3 >>= 16
                "61 14 +4 0",  // r4 = *(u32 *)(r1 + 4)
                "61 15 +8 0",  // r5 = *(u32 *)(r1 + 8)
                "55 02 +7 2",  // if r2 != BPF_DEVCG_DEV_CHAR goto +7
                "bf 31 +0 0",  // r1 = r3
                "57 01 +0 6",  // r1 &= READ|WRITE
                "5d 31 +4 0",  // if r1 != r3 goto +4
                "55 04 +3 1",  // if r4 != 1 goto +3
                "55 05 +2 3",  // if r5 != 3 goto +2
                "b7 00 +0 1",  // r0 = 1
                "95 00 +0 0",  // exit
                "b7 00 +0 0",  // r0 = 0
                "95 00 +0 0",  // exit
            ])
    }

    @Test func answersAsDevicesAllowDoes() throws {
        let program = try DeviceProgram.instructions(
            for: DevicePolicy(extra: [#require(DeviceRule("b 8:* rm")), #require(DeviceRule("c 10:200 r"))]))
        let character: UInt32 = 2
        let block: UInt32 = 1
        #expect(run(program, character, .all, 1, 3))
        #expect(run(program, character, .read, 136, 77))
        #expect(run(program, character, .make, 4000, 5000))
        #expect(run(program, block, .make, 7, 0))
        #expect(!run(program, block, .read, 7, 0))
        #expect(run(program, block, [.read, .make], 8, 16))
        #expect(!run(program, block, [.read, .write], 8, 16))
        #expect(run(program, character, .read, 10, 200))
        #expect(!run(program, character, [.read, .make], 10, 200))
        #expect(!run(program, character, .read, 1, 1))
        #expect(!run(program, character, .write, 1, 11))
        #expect(!run(program, block, .read, 1, 3))
    }

    private func policy(_ rule: String) throws -> DevicePolicy {
        DevicePolicy(rules: [try #require(DeviceRule(rule))])
    }

    /// Carries a program out as the kernel would: only the instructions that a device program has.
    private func run(
        _ program: [BpfInstruction], _ type: UInt32, _ access: DeviceRule.Access, _ major: UInt32, _ minor: UInt32
    ) -> Bool {
        let context: [Int16: UInt64] = [0: UInt64(access.rawValue << 16 | type), 4: UInt64(major), 8: UInt64(minor)]
        var registers = [UInt64](repeating: 0, count: 6)
        var next = 0
        while program.indices.contains(next) {
            let one = program[next]
            let to = Int(one.registers & 15)
            let from = Int(one.registers >> 4)
            let immediate = UInt64(bitPattern: Int64(one.immediate))
            next += 1
            switch one.code {
            case 0x61: registers[to] = context[one.offset] ?? .max
            case 0x54: registers[to] = registers[to] & immediate & 0xffff_ffff
            case 0x57: registers[to] &= immediate
            case 0x74: registers[to] = (registers[to] & 0xffff_ffff) >> immediate
            case 0xbf: registers[to] = registers[from]
            case 0xb7: registers[to] = immediate
            case 0x55: if registers[to] != immediate { next += Int(one.offset) }
            case 0x5d: if registers[to] != registers[from] { next += Int(one.offset) }
            case 0x95: return registers[0] == 1
            default: Issue.record("unexpected instruction \(one.words)")
            }
        }
        Issue.record("ran off the end")
        return false
    }
}

extension BpfInstruction {
    fileprivate var words: String {
        func hex(_ byte: UInt8) -> String { byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16) }
        return "\(hex(code)) \(hex(registers)) \(offset < 0 ? "" : "+")\(offset) \(immediate)"
    }
}
