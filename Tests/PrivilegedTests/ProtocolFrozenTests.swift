import InitProtocol
import Kernel
import Testing

@testable import Runtime

/// Version 1 of what daemon and process 1 say to each other, byte by byte: a process 1 of this version lives on under
/// later daemons, so these vectors never change.
@Suite struct ProtocolFrozenTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func plain(_ hex: String) -> String { hex.filter(\.isHexDigit) }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter(\.isHexDigit).compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test func frame() {
        var frame = InitFrame(APRON_SPAWN, process: 0x0304_0506, argument: 7)
        frame.serial = 0x0708_090a
        #expect(hex(frame.encoded) == plain(ProtocolFrozenVectors.frame))
        var reader = WireReader(bytes(ProtocolFrozenVectors.reply))
        let reply = InitFrame(&reader)
        #expect(reply?.version == 1 && reply?.kind == 2 && reply?.serial == 5 && reply?.process == 9)
        #expect(reply?.error == -1 && reply?.call == 5 && reply?.step == 3 && reply?.count == 1)
        #expect(reply?.arguments == [1, 2, 3, 1 << 63])
    }

    @Test func plan() {
        var plan = LaunchPlan()
        plan.operations = [
            .payloadCgroup(descriptor: 40), .becomeRoot, .privateMounts, .attachRoot(descriptor: 41),
            .attach(descriptor: 42, target: "/dev", isFile: false, isDeviceTree: true),
            .fileSystem(
                .init("devpts", options: ["a=b", "c"], on: "/dev/pts", attributes: 10, allocatesTerminals: true)),
            .fileSystem(.init("mqueue", on: "/m", attributes: 14, isOptional: true)),
            .attach(descriptor: 43, target: "/f", isFile: true, isDeviceTree: false), .mask("/proc/kcore"),
            .readOnly("/proc/bus"), .pivot, .hostName("h"), .netlink([1, 2, 3]),
        ]
        let (document, descriptors) = plan.encoded()
        #expect(hex(document) == plain(ProtocolFrozenVectors.plan))
        #expect(descriptors == [40, 41, 42, 43])
    }

    @Test func program() {
        var program = ProgramPlan()
        program.candidates = ["/bin/a", "/usr/bin/a"]
        program.arguments = ["a", "b c"]
        program.environment = ["K=V"]
        program.directory = "/d"
        program.uid = 1000
        program.gid = 1001
        program.groups = [5, 6]
        program.limits = [.init(resource: 7, value: 64)]
        program.capabilities = 0xa804_25fb
        program.filter = [6, 0, 0, 0, 0, 0, 0xff, 0x7f]
        program.noNewPrivileges = true
        program.ownsCgroupNamespace = true
        program.terminal = (columns: 80, rows: 24)
        #expect(hex(program.encoded()) == plain(ProtocolFrozenVectors.program))
    }

    @Test func step() {
        var reader = WireReader(bytes("0200 0100 0500 0000 0d000000 00000000 0100000000000000 0300000000000000"))
        let record = StepRecord(&reader)
        #expect(record.step == 2 && record.group == 1 && record.call == 5 && record.error == 13)
        #expect(record.start == 1 && record.end == 3)
        // What lies in the future, or ends before it began, is no time.
        var odd = WireReader(bytes("0000 0000 0000 0000 00000000 00000000 ffffffffffffffff 0000000000000000"))
        let future = StepRecord(&odd)
        #expect(future.start <= bootTime() && future.end == future.start)
    }

    @Test func exitAndState() {
        let exit = "04000000 00010000" + (1...10).map { "0\(String($0, radix: 16))00000000000000" }.joined()
        var reader = WireReader(bytes(exit))
        let record = ExitRecord(&reader)
        #expect(record.process == 4 && record.status == 256 && record.code == 1 && record.signal == nil)
        #expect(record.time == 1 && record.userMicroseconds == 2 && record.systemMicroseconds == 3)
        #expect(record.maxResidentKiB == 4 && record.minorFaults == 5 && record.majorFaults == 6)
        #expect(record.voluntarySwitches == 7 && record.involuntarySwitches == 8)
        #expect(record.blocksRead == 9 && record.blocksWritten == 10)
        #expect(ExitRecord.records(inLedger: bytes(exit + exit + "0400")).count == 2)
        var states = WireReader(bytes("04000000 11000000 03000000 06000000" + exit))
        let state = ProcessState(&states)
        #expect(state.process == 4 && state.pid == 17 && state.hasEnded && state.kept == 6 && state.exit == record)
    }

    /// The numbers that bytes on the wire stand for.
    @Test func numbers() {
        #expect(
            [APRON_HELLO, APRON_SETUP, APRON_SPAWN, APRON_SIGNAL, APRON_CLOSE_INPUT].map(\.rawValue) == [1, 2, 3, 4, 5])
        #expect([APRON_ADOPT, APRON_FORGET, APRON_LIST, APRON_EXITED].map(\.rawValue) == [6, 7, 8, 9])
        #expect([APRON_WAITING, APRON_READY, APRON_FAILED].map(\.rawValue) == [0, 1, 2])
        #expect([APRON_RUNNING, APRON_DRAINING, APRON_ENDED].map(\.rawValue) == [1, 2, 3])
        #expect(APRON_PAYLOAD_CGROUP.rawValue == 11 && APRON_IDENTITY.rawValue == 1)
        #expect(APRON_CALL_STAT.rawValue == 38 && callName(38) == "stat" && callName(23) == "netlink")
        #expect(callName(40) == "call 40" && callName(-1) == "call -1")
        #expect(programStepName(Int(APRON_PROGRAM_EXEC.rawValue)) == "exec")
        #expect(programStepName(Int(APRON_PROGRAM_CGROUP.rawValue)) == "cgroup_namespace")
        #expect(APRON_PROTOCOL_VERSION == 1 && APRON_PROTOCOL_OLDEST == 1)
    }
}
