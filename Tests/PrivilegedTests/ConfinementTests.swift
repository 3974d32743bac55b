import Kernel
import TestSupport
import Testing

@testable import Worker

/// What a program in a container has and what it does not have, as the kernel shows it inside.
@Suite(.hostUnchanged, .serialized) struct ConfinementTests {
    private static let status = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status | tr -d '\\t' | sort"

    @Test func ordinaryPrograms() async throws {
        try await LaunchSite.with { site in
            try await site.create("ordinary")
            let confined = """
                CapAmb:0000000000000000
                CapBnd:00000000a80425fb
                CapEff:00000000a80425fb
                CapInh:0000000000000000
                CapPrm:00000000a80425fb
                NoNewPrivs:0
                Seccomp:2
                """
            #expect(try await site.shell("ordinary", Self.status) == confined)
            let powerless =
                confined
                .replacing("CapEff:00000000a80425fb", with: "CapEff:0000000000000000")
                .replacing("CapPrm:00000000a80425fb", with: "CapPrm:0000000000000000")
            #expect(try await site.shell("ordinary", Self.status, user: "testuser") == powerless)
            let forbidden = try await site.run("ordinary", ["/bin/sh", "-c", Self.status]) { $0.noNewPrivileges = true }
            #expect(forbidden.text == confined.replacing("NoNewPrivs:0", with: "NoNewPrivs:1"))

            let map = try await site.shell("ordinary", "tr -s ' ' </proc/self/uid_map; tr -s ' ' </proc/self/gid_map")
            #expect(map == [String](repeating: " 0 4294967294 1\n 1 1 4294967293", count: 2).joined(separator: "\n"))
            #expect(try await site.shell("ordinary", "cut -d: -f3 /proc/self/cgroup | sort -u") == "/")
            #expect(try await site.shell("ordinary", "hostname") == "ordinary")
            #expect(try await site.shell("ordinary", "id -G; id -u", user: "alice") == "1010 1011\n1001")
        }
    }

    @Test func systemCalls() async throws {
        try await LaunchSite.with { site in
            try await site.create("calls")
            for call in ["mount", "unshare-user", "unshare-mount", "keyctl", "bpf", "host-name"] {
                #expect(try await site.probe("calls", call) == "EPERM", "\(call)")
                #expect(try await site.probe("calls", call, user: "testuser") == "EPERM", "\(call)")
            }
            for call in ["unknown", "clone3"] { #expect(try await site.probe("calls", call) == "ENOSYS", "\(call)") }
            for call in ["device", "character-device"] {
                #expect(try await site.probe("calls", call, "/tmp/node") == "EPERM", "\(call)")
            }
        }
    }

    @Test func setUserIDProgramsWork() async throws {
        try await LaunchSite.with { site in
            let root = try site.root("cp bin/probe bin/suid-probe; chmod 4755 bin/suid-probe")
            try await site.create("suid", rootfs: root)
            let command = ["/bin/suid-probe", "effective-user"]
            #expect(try await site.run("suid", command, user: "testuser").text == "0")
            let without = try await site.run("suid", command, user: "testuser") { $0.noNewPrivileges = true }
            #expect(without.text == "1000")
        }
    }

    @Test func kernelFiles() async throws {
        try await LaunchSite.with { site in
            try await site.create("files")
            // Which of them there are is the kernel's choice.
            let masked =
                "for name in kcore keys timer_list; do [ ! -e /proc/$name ] || stat -c '%t:%T' /proc/$name; done"
            #expect(try await site.shell("files", "(\(masked)) | sort -u") == "1:3")
            #expect(try await site.shell("files", "ls -A /sys/firmware; ls -A /proc/scsi 2>/dev/null || true") == "")
            let inside = ["/proc/sysrq-trigger", "/sys/kernel/profiling", "/proc/irq/default_smp_affinity"]
            let refusals = ["EROFS", "EACCES", "ENOENT"]
            for path in inside { #expect(refusals.contains(try await site.probe("files", "write", path)), "\(path)") }
            for path in ["kernel/core_pattern", "kernel/modprobe", "vm/panic_on_oom", "fs/suid_dumpable"] {
                #expect(refusals.contains(try await site.probe("files", "write", "/proc/sys/\(path)")), "\(path)")
            }
            let devices = try await site.shell("files", "ls /dev | sort | tr '\\n' ' '")
            #expect(
                devices == "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ")
            #expect(try await site.shell("files", "echo x >/dev/null; head -c 3 /dev/zero | wc -c") == "3")
            let options = try await site.shell(
                "files", "grep ' /sys ' /proc/self/mounts; grep ' /proc ' /proc/self/mounts")
            #expect(options.contains("sysfs ro,nosuid,nodev,noexec"))
            #expect(options.contains("proc rw,nosuid,nodev,noexec"))
            let cgroups = try await site.shell(
                "files", "grep '/sys/fs/cgroup/' /proc/self/mounts | cut -d' ' -f4 | cut -c1-2 | sort -u")
            #expect(cgroups == "ro" || cgroups == "")
        }
    }

    @Test func privilegedPrograms() async throws {
        try await LaunchSite.with { site in
            try await site.create("powerful", privileged: true)
            let bounding = try #require(KernelFile.read("/proc/self/status").firstMatch(of: /CapBnd:\s*([0-9a-f]+)/))
            let own = try #require(UInt64(bounding.1, radix: 16)) & 0x3f_ffff_ffff
            let digits = String(own, radix: 16)
            let mask = String(repeating: "0", count: 16 - digits.count) + digits
            #expect(
                try await site.shell("powerful", Self.status) == """
                    CapAmb:0000000000000000
                    CapBnd:\(mask)
                    CapEff:\(mask)
                    CapInh:0000000000000000
                    CapPrm:\(mask)
                    NoNewPrivs:0
                    Seccomp:0
                    """)
            let map = try await site.shell("powerful", "tr -s ' ' </proc/self/uid_map")
            #expect(
                map
                    == (try KernelFile.read("/proc/self/uid_map")).split(separator: " ").joined(separator: " ")
                    .withSpace)
            #expect(try await site.shell("powerful", "test -c /dev/fuse && echo yes") == "yes")
            #expect(try await site.probe("powerful", "mount") == "ok")
        }
    }

    @Test func fuseOnlyPrograms() async throws {
        try await LaunchSite.with({ $0.privilegedMode = .fuseOnly }) { site in
            try await site.create("fuse", privileged: true)
            let status = try await site.shell("fuse", Self.status)
            #expect(status.contains("CapEff:00000000a82425fb"))
            #expect(status.contains("Seccomp:2"))
            #expect(try await site.shell("fuse", "head -1 /proc/self/uid_map | tr -s ' '") == " 0 4294967294 1")
            #expect(try await site.shell("fuse", "test -c /dev/fuse && echo yes") == "yes")
            #expect(try await site.probe("fuse", "mount") == "ok")
            #expect(try await site.probe("fuse", "device", "/tmp/node") == "EPERM")
            for file in ["exe", "mem", "root", "fd/3"] {
                #expect(try await site.probe("fuse", "open", "/proc/1/\(file)") == "EACCES", "\(file)")
            }
        }
    }

    @Test func containersDoNotMeet() async throws {
        try await LaunchSite.with { site in
            try await site.create("one")
            try await site.create("two")
            let sleeper = try await site.start("one", ["/bin/sleep", "4711"])
            #expect(try await site.shell("two", "grep -l '[4]711' /proc/[0-9]*/cmdline || echo nothing") == "nothing")
            // Every number that the other one's program could have.
            let signals = "for pid in $(seq 2 40); do [ $pid = $$ ] || kill -9 $pid 2>/dev/null; done; true"
            _ = try await site.shell("two", signals)
            #expect(try await site.service.info("one").processIDs == [sleeper.processID])
            let ownGroups = try await site.shell("two", "find /sys/fs/cgroup -type d -name one | wc -l")
            #expect(ownGroups == "0")
            try await site.service.stop("one", kill: true)
            _ = try await sleeper.wait()
            await sleeper.detach(cleanly: true)
        }
    }

    @Test func processOneCannotBeEnded() async throws {
        try await LaunchSite.with { site in
            try await site.create("immortal")
            #expect(try await site.probe("immortal", "signal", "1") == "ok")
            #expect(try await site.probe("immortal", "trace", "1") == "EPERM")
            _ = try await site.run("immortal", ["/bin/sh", "-c", "kill -9 -1; kill -STOP 1; kill -9 1"])
            #expect(try await site.shell("immortal", "head -1 /proc/1/status") == "Name:\tgdn-init")
            #expect(try await site.service.info("immortal").state == "active")
        }
    }

    /// Orphans that come as fast as they can be made must not keep process 1 from its work.
    @Test func orphansDoNotHoldProcessOneUp() async throws {
        try await LaunchSite.with { site in
            try await site.create("orphanage")
            let script = "while true; do (/bin/true & /bin/true & /bin/true &) ; done"
            let makers = [try await site.start("orphanage", ["/bin/sh", "-c", script])]
            for _ in 0..<5 { #expect(try await site.shell("orphanage", "echo served") == "served") }
            try await site.service.stop("orphanage", kill: true)
            for maker in makers {
                _ = try await maker.wait()
                await maker.detach(cleanly: true)
            }
        }
    }
}

extension String {
    /// As the kernel aligns the columns of an id map, with the spaces squeezed.
    fileprivate var withSpace: String { " " + filter { !$0.isNewline } }
}
