import CTestSupport
import Kernel
import Testing

@testable import Runtime

/// Filters are tried on a real thread: what the kernel answers counts, not what a filter looks like.
@Suite struct SeccompTests {
    /// An address that no call can read, so that an allowed call fails before it does anything.
    private static let nowhere: UInt = 1

    @Test func filtersFitIntoTheKernel() throws {
        for profile in [SeccompProfile.unprivileged(), .fuseOnly()] {
            let filter = try SeccompFilter(profile)
            #expect(filter.instructionCount > 100)
            #expect(filter.instructionCount <= 4096)
            #expect(filter.bytes.count == filter.instructionCount * 8)
        }
    }

    @Test func deniedCallsFailWithPermission() throws {
        let calls = [
            probe(call("mount"), Self.nowhere, Self.nowhere), probe(call("umount2"), Self.nowhere),
            probe(call("bpf"), .max, Self.nowhere, 1), probe(call("keyctl"), .max), probe(call("io_uring_setup"), 0),
            probe(call("unshare"), 0), probe(call("setns"), .max, 0x2_0000), probe(call("process_vm_readv"), .max),
            probe(call("perf_event_open"), Self.nowhere), probe(call("sethostname"), Self.nowhere, 1),
        ]
        #expect(try errors(.unprivileged(), calls) == Array(repeating: "EPERM", count: calls.count))
    }

    @Test func unknownCallsDoNotExist() throws {
        let calls = [probe(9999), probe(call("clone3"), Self.nowhere, 0), probe(-5), probe(call("afs_syscall"))]
        #expect(try errors(.unprivileged(), calls) == Array(repeating: "ENOSYS", count: calls.count))
    }

    @Test func allowedCallsReachTheKernel() throws {
        // By number: newer than the names of libseccomp 2.5.4. On an older kernel both answers are ENOSYS.
        let calls = [
            probe(462, Self.nowhere, 1), probe(464, .max, Self.nowhere), probe(468, .max, Self.nowhere), probe(457, 0),
            probe(call("ptrace"), 9999, 0), probe(444, Self.nowhere, 1, 9), probe(call("getpid")),
            probe(call("memfd_secret"), 99), probe(call("fchmodat2"), .max, Self.nowhere),
        ]
        let open = SeccompProfile(defaultAction: .allow, architectures: [.native], rules: [])
        #expect(try errors(.unprivileged(), calls) == errors(open, calls))
        #expect(try errors(.fuseOnly(), calls) == errors(open, calls))
    }

    @Test func cloneIsForProcessesOnly() throws {
        let namespaces: [UInt] = [0x2_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x7c02_0000]
        let calls = namespaces.map { probe(call("clone"), $0 | 17) }
        #expect(try errors(.unprivileged(), calls) == Array(repeating: "EPERM", count: calls.count))
        // CLONE_THREAD without CLONE_SIGHAND: the kernel itself refuses, and nothing is made.
        #expect(try errors(.unprivileged(), [probe(call("clone"), 0x1_0000)]) == ["EINVAL"])
        #expect(try errors(.fuseOnly(), [probe(call("clone"), 0x2001_0000)]) == ["EINVAL"])
    }

    @Test func personalityIsLinux() throws {
        let values: [UInt] = [0xffff_ffff, 0, 8, 1, 2, 4, 7, 9, 0x4_0000, 0x2_0000, 0x7fff_ffff, 0xffff_fffe, .max]
        let results = try errors(.unprivileged(), values.map { probe(call("personality"), $0) })
        #expect(results == ["0", "0", "0"] + Array(repeating: "EPERM", count: values.count - 3))
    }

    @Test func fuseOnlyMayMountButNotJoinOtherNamespaces() throws {
        let calls = [
            probe(call("mount"), Self.nowhere, Self.nowhere), probe(call("setns"), .max, 0x2_0000),
            probe(call("setns"), .max, 0x4000_0000), probe(call("setns"), .max, 0), probe(call("bpf"), .max),
            probe(call("fsopen"), Self.nowhere), probe(call("clone3"), Self.nowhere, 0),
        ]
        #expect(try errors(.fuseOnly(), calls) == ["EFAULT", "EBADF", "EPERM", "EPERM", "EPERM", "EPERM", "EINVAL"])
    }

    #if arch(x86_64)
    @Test func otherConventionsAreFilteredAlike() throws {
        // i386: getpid, mount, unshare, clone3. Some kernels are built without it.
        let calls = [
            probe(20, is32Bit: true), probe(21, Self.nowhere, is32Bit: true), probe(310, 0, is32Bit: true),
            probe(435, Self.nowhere, is32Bit: true),
        ]
        #expect(try errors(.unprivileged(), calls) == ["0", "EPERM", "EPERM", "ENOSYS"])
        // x32: getpid, which most kernels lack, and mount.
        let x32 = [probe(0x4000_0000 + 39), probe(0x4000_0000 + 165, Self.nowhere)]
        let results = try errors(.unprivileged(), x32)
        #expect(results[0] == "0" || results[0] == "ENOSYS")
        #expect(results[1] == "EPERM")
    }
    #endif

    @Test func rulesWithoutACallOfThatNameArePassedOver() throws {
        let profile = SeccompProfile(
            defaultAction: .allow, architectures: [.native],
            rules: [SeccompProfile.Rule(.fail(.busy), ["nonsense", "getpid"])])
        #expect(try errors(profile, [probe(call("getpid")), probe(call("getppid"))]) == ["EBUSY", "0"])
    }

    @Test func listsDoNotOverlap() {
        let allowed = Set(SeccompCalls.allowed)
        let denied = Set(SeccompCalls.denied)
        #expect(allowed.isDisjoint(with: denied))
        #expect(denied.isSuperset(of: SeccompCalls.allowedForMounting))
        #expect(allowed.count == SeccompCalls.allowed.count)
        #expect(denied.count == SeccompCalls.denied.count)
    }

    private func errors(_ profile: SeccompProfile, _ calls: [seccomp_probe]) throws -> [String] {
        let filter = try SeccompFilter(profile)
        var probes = calls
        let refused = filter.bytes.withUnsafeBytes { bytes in
            seccomp_probe_run(bytes.baseAddress, UInt16(filter.instructionCount), &probes, Int32(probes.count))
        }
        #expect(refused == 0, "filter refused: \(ErrorNumber(rawValue: refused))")
        return probes.map { $0.error == 0 ? "0" : ErrorNumber(rawValue: $0.error).name }
    }

    private func probe(
        _ number: Int, _ first: UInt = 0, _ second: UInt = 0, _ third: UInt = 0, is32Bit: Bool = false
    ) -> seccomp_probe {
        seccomp_probe(number: number, arguments: (first, second, third, 0), is_32_bit: is32Bit ? 1 : 0, error: -1)
    }

    /// The number of a call on this architecture, as libseccomp knows it.
    private func call(_ name: String) -> Int { SeccompFilter.number(ofCall: name) ?? 9999 }
}
