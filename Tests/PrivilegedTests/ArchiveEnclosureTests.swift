import Foundation
import Kernel
import Storage
import TestSupport
import Testing

/// What the archive process may do, seen on running ones.
@Suite struct ArchiveEnclosureTests {
    private func field(_ name: String, of status: String) -> String? {
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    @Test(arguments: ArchiveSite.View.allCases)
    func itKeepsNothingThatItDoesNotNeed(view: ArchiveSite.View) throws {
        let site = try ArchiveSite(view)
        // So much that nobody reads that packing it is not over soon.
        try site.shell("head -c 20000000 /dev/zero > target/big; mkdir -p new")
        let device = view == .privileged ? ["CAP_MKNOD"] : []
        let unpacks = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP"] + device
        let packs = ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]
        for (process, names) in [(try site.startUnpacking(), unpacks), (try site.startPacking(), packs)] {
            try process.waitUntilReady()
            let pid = try #require(try site.processes().first)
            let capabilities = String(CapabilitySet(names: names).rawValue, radix: 16)
            let expected = String(repeating: "0", count: 16 - capabilities.count) + capabilities
            let none = String(repeating: "0", count: 16)
            for thread in try site.shell("ls /proc/\(pid)/task").split(separator: "\n") {
                let status = try KernelFile.read("/proc/\(pid)/task/\(thread)/status")
                #expect(field("Seccomp", of: status) == "2")
                #expect(field("NoNewPrivs", of: status) == "1")
                for set in ["CapEff", "CapPrm"] { #expect(field(set, of: status) == expected, "\(set)") }
                for set in ["CapInh", "CapAmb"] { #expect(field(set, of: status) == none, "\(set)") }
                let ids = [String](repeating: "\(view.rootID)", count: 4).joined(separator: "\t")
                #expect(field("Uid", of: status) == ids)
            }
            #expect(try site.shell("readlink /proc/\(pid)/cwd") == "\(site.target)\n")
            let isOwn = try site.shell("[ /proc/\(pid)/ns/user -ef /proc/self/ns/user ] && echo host || echo own")
            #expect(isOwn == (view == .privileged ? "host\n" : "own\n"))
            // Pipes, and what lies in the target: nothing that it could speak to anybody with.
            let others = "readlink /proc/\(pid)/fd/* | grep -vE '^(pipe:|/dev/null$|\(site.target)(/|$))' || true"
            #expect(try site.shell(others).split(separator: "\n").count <= 1, "2 alone is the tests' own")
            let core = try site.shell("grep 'Max core file size' /proc/\(pid)/limits | awk '{print $5, $6}'")
            #expect(core == "0 0\n")
            process.kill()
            _ = #expect(throws: ArchiveFailure.self) { try process.wait() }
        }
    }

    #if arch(x86_64)
    /// What a process that was taken over would try next: each call is made by the process itself, as ptrace(2) can
    /// have it do, and answered by its filter.
    @Test func forbiddenCallsAreRefused() throws {
        let site = try ArchiveSite()
        let process = try site.startUnpacking()
        try process.waitUntilReady()
        let pid = try #require(try site.processes().first)
        let noSystemCall = "-38"
        let calls = [
            ("getpid", "39", "\(pid)"), ("socket", "41 1 1 0", noSystemCall), ("execve", "59", noSystemCall),
            ("kill", "62 1 0", noSystemCall), ("ptrace", "101", noSystemCall), ("chroot", "161", noSystemCall),
            ("mount", "165", noSystemCall), ("keyctl", "250", noSystemCall), ("unshare", "272", noSystemCall),
            ("open_by_handle_at", "304", noSystemCall), ("setns", "308", noSystemCall), ("bpf", "321", noSystemCall),
            ("io_uring_setup", "425", noSystemCall), ("pidfd_open", "434 1", noSystemCall),
            ("clone3", "435", noSystemCall), ("clone, new user namespace", "56 268435456", noSystemCall),
            ("mmap, executable", "9 0 4096 5 34 -1 0", noSystemCall),
            ("mprotect, executable", "10 0 0 4", noSystemCall),
        ]
        let script = try site.scratch.directory.openFile("calls.py", [.writeOnly, .create], mode: 0o600)
        try StandardStream(number: script.number).write(Self.callScript)
        let arguments = calls.map { "'\($0.1)'" }.joined(separator: " ")
        let answers = try site.shell("python3 calls.py \(pid) \(arguments)").split(separator: "\n").map(String.init)
        try #require(answers.count == calls.count)
        for (call, answer) in zip(calls, answers) { #expect(answer == call.2, "\(call.0)") }
        process.kill()
        _ = #expect(throws: ArchiveFailure.self) { try process.wait() }
    }

    /// Stops a process in a system call and has it make others: `calls.py PID 'NUMBER ARGUMENT…'…` prints what each
    /// answered. The numbers index struct user_regs_struct (sys/user.h).
    private static let callScript = """
        import ctypes, os, signal, sys
        ATTACH, GETREGS, SETREGS, STEP = 16, 12, 13, 9
        RAX, ORIG_RAX, RIP = 10, 15, 16
        ARGUMENTS = [14, 13, 12, 7, 9, 8]
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        pid = int(sys.argv[1])
        def ptrace(request, data=None):
            if libc.ptrace(request, pid, None, data) < 0: raise OSError(ctypes.get_errno(), "ptrace")
        def stopped():
            assert os.WIFSTOPPED(os.waitpid(pid, 0x40000000)[1])
        ptrace(ATTACH)
        stopped()
        before = (ctypes.c_ulonglong * 27)()
        ptrace(GETREGS, ctypes.addressof(before))
        for call in sys.argv[2:]:
            number, *arguments = map(int, call.split())
            registers = (ctypes.c_ulonglong * 27)(*before)
            # The two bytes before are the instruction that it is in.
            registers[RIP] -= 2
            registers[RAX], registers[ORIG_RAX] = number, 2**64 - 1
            for place, value in zip(ARGUMENTS, arguments + [0] * 6): registers[place] = value % 2**64
            ptrace(SETREGS, ctypes.addressof(registers))
            ptrace(STEP)
            stopped()
            ptrace(GETREGS, ctypes.addressof(registers))
            print(ctypes.c_longlong(registers[RAX]).value)
        """
    #endif

    /// What is kept of an archive has bounds, which the first entries pass here: with ten million entries the process is
    /// as large as with these, which take a few seconds. With `APRON_MILLIONS=10` in the environment that is seen as
    /// well, in a minute or two; a program of a release build (`APRON_ARCHIVE`) needs a fifth of that.
    @Test func memoryDoesNotGrowWithEntries() throws {
        let site = try ArchiveSite()
        let millions = ProcessInfo.processInfo.environment["APRON_MILLIONS"].flatMap(UInt64.init)
        let thousands = millions.map { $0 * 1000 } ?? 500
        let thousand = { (entry: TarBytes) in Array([[UInt8]](repeating: entry.bytes, count: 1000).joined()) }
        let directories = thousand(TarBytes().entry("d/", "5", mode: 0o755))
        let links = thousand(TarBytes().entry("f", "1", link: "f"))
        let outcome = try site.unpack { stream in
            let pid = try #require(try site.processes().first)
            let peak = { () throws -> Int in
                let status = try KernelFile.read("/proc/\(pid)/status")
                return try #require(field("VmHWM", of: status)?.split(separator: " ").first.flatMap { Int($0) })
            }
            // 65,536 directories wait for their times at most.
            for _ in 0..<80 { try stream.write(directories) }
            let before = try peak()
            for _ in 0..<80 { try stream.write(directories) }
            for _ in 0..<thousands { try stream.write(links) }
            #expect(try peak() - before < 4 << 10, "KiB beside \(before)")
            try stream.write(TarBytes().ended)
        }
        #expect(outcome.entries == 160_000 + thousands * 1000)
        #expect(outcome.warningCount == thousands * 1000 && outcome.warnings.count == 16)
    }
}
