import Kernel
import Testing

@testable import Worker

@Suite struct SeccompFileTests {
    private typealias Condition = SeccompProfile.Condition
    private typealias Rule = SeccompProfile.Rule

    @Test func readsTheFormatOfTheSpecification() throws {
        let profile = try parse(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X", "SCMP_ARCH_X32"],
             "flags": ["SECCOMP_FILTER_FLAG_LOG"],
             "syscalls": [
               {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": null},
               {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
                "args": [{"index": 0, "value": 18446744073709551615, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]},
               {"names": ["ptrace"], "action": "SCMP_ACT_TRACE", "errnoRet": 7}]}
            """)
        #expect(profile.defaultAction == .fail(.permission))
        #expect(profile.architectures == [.x86_64, .x32])
        #expect(
            profile.rules == [
                Rule(.allow, ["read", "write"]),
                Rule(.fail(.noSystemCall), ["clone"], when: [Condition(0, .maskedEqual, .max, 1)]),
                Rule(.trace(7), ["ptrace"]),
            ])
    }

    @Test func readsDockersAdditions() throws {
        let text = """
            {"defaultAction": "SCMP_ACT_KILL_PROCESS", "defaultErrnoRet": 1, "defaultErrno": "EPERM",
             "archMap": [{"architecture": "SCMP_ARCH_MIPS", "subArchitectures": ["SCMP_ARCH_MIPSEL"]},
                         {"architecture": "\(SeccompProfile.Architecture.native.rawValue)",
                          "subArchitectures": ["SCMP_ARCH_X86"]}],
             "syscalls": [
               {"name": "a", "action": "SCMP_ACT_ALLOW", "comment": "", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
               {"names": ["b"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}},
               {"names": ["c"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
               {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "arm64"], "minKernel": "4.8"}},
               {"names": ["e"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.0"}}]}
            """
        func names(_ capabilities: [String], _ kernel: String) throws -> [String] {
            let profile = try SeccompFile(json: Array(text.utf8))
                .profile(capabilities: CapabilitySet(names: capabilities), kernel: kernel)
            #expect(profile.architectures == [.native, .x86])
            return profile.rules.flatMap { $0.calls.map(\.name) }
        }
        #expect(try names([], "5.10.0-8-amd64") == ["b", "d", "e"])
        #expect(try names(["CAP_SYS_ADMIN"], "6.18") == ["a", "d"])
        #expect(try names(["CAP_BPF"], "4.7") == ["e"])
    }

    @Test func twoConditionsOnOneArgumentAreAlternatives() throws {
        let profile = try parse(
            """
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [
              {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 9, "op": "SCMP_CMP_GT"}]}]}
            """)
        #expect(profile.rules.map(\.conditions) == [[Condition(0, .equal, 1)], [Condition(0, .greater, 9)]])
    }

    @Test(arguments: [
        ("", ""), ("[]", ""), ("{}", "defaultAction"), (#"{"defaultAction": 1}"#, "defaultAction"),
        (#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#, "defaultAction"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscall": []}"#, "syscall"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}"#, "listenerPath"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}"#, "flags"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "amd64"]}"#, "architectures[1]"),
        (entry(#""names": []"#), "syscalls[0].names"), (entry(#""names": ["a"], "name": "b""#), "syscalls[0].names"),
        (entry(#""names": ["a"], "arg": []"#), "syscalls[0].arg"),
        (entry(#""names": ["a"], "errnoRet": -1"#), "syscalls[0].errnoRet"),
        (entry(#""names": ["a"], "includes": {"caps": ["chown"]}"#), "syscalls[0].includes.caps"),
        (entry(#""names": ["a"], "excludes": {"minKernel": "six"}"#), "syscalls[0].excludes.minKernel"),
        (
            entry(#""names": ["a"], "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]"#),
            "syscalls[0].args[0].index"
        ),
        (entry(#""names": ["a"], "args": [{"index": 0, "value": 0, "op": "EQ"}]"#), "syscalls[0].args[0].op"),
        (entry(#""names": ["a"], "args": [{"index": 0, "op": "SCMP_CMP_EQ"}]"#), "syscalls[0].args[0].value"),
        (
            """
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
             "archMap": [{"architecture": "SCMP_ARCH_X86"}]}
            """, "archMap"
        ),
    ])
    func namesTheKeyAtFault(text: String, key: String) {
        #expect { try parse(text) } throws: { ($0 as? SeccompFileError)?.key == key }
    }

    @Test func errorsAreOneLine() {
        let error = SeccompFileError(key: "flags", reason: "unknown flag X")
        #expect(error.description == "seccomp profile: flags: unknown flag X")
    }

    private static func entry(_ text: String) -> String {
        #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ALLOW", \#(text)}]}"#
    }

    @discardableResult
    private func parse(_ text: String) throws -> SeccompProfile {
        try SeccompFile(json: Array(text.utf8)).profile(capabilities: [], kernel: "6.1.0")
    }
}
