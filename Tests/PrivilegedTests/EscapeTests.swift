import Kernel
import TestSupport
import Testing

@testable import Worker

/// Ways out of a container that worked elsewhere, each tried here.
@Suite(.hostUnchanged, .serialized) struct EscapeTests {
    /// CVE-2019-5736: whoever can open the runtime's executable for writing has the host.
    @Test func theExecutableOfProcessOneIsOutOfReach() async throws {
        try await LaunchSite.with { site in
            let root = try site.root("printf '#!/proc/self/exe\\n' >bin/again; chmod 755 bin/again")
            try await site.create("box", rootfs: root)
            for user in ["", "testuser"] {
                for file in ["exe", "mem", "fd/3", "root", "cwd", "ns/mnt", "environ", "maps"] {
                    let said = try await site.probe("box", "open", "/proc/1/\(file)", user: user)
                    #expect(said == "EACCES", "\(file) as '\(user)'")
                }
                #expect(try await site.probe("box", "write", "/proc/1/exe", user: user) == "EACCES")
                #expect(try await site.probe("box", "trace", "1", user: user) == "EPERM")
            }
            // Process 1's own executable as a script's interpreter, and what it then shows of itself.
            let again = try await site.start("box", ["/bin/again"])
            let write = "for pid in $(ls /proc | grep '^[0-9]'); do \(LaunchSite.probe) write /proc/$pid/exe; done"
            let said = Set(try await site.shell("box", write).split(separator: "\n"))
            #expect(said.isSubset(of: ["EACCES", "ENOENT", "ETXTBSY"]), "\(said)")
            try await site.service.stop("box", kill: true)
            _ = try await again.wait()
            await again.detach(cleanly: true)
        }
    }

    /// A privileged container is no boundary, but also there nobody changes what the next container starts with.
    @Test func theExecutableIsSealedAlsoForThePrivileged() async throws {
        try await LaunchSite.with { site in
            try await site.create("box", privileged: true)
            #expect(["ETXTBSY", "EPERM"].contains(try await site.probe("box", "write", "/proc/1/exe")))
            // Its root is the container's own, not the host's.
            #expect(try await site.shell("box", "ls /proc/1/root/etc/apron-rootfs") == "/proc/1/root/etc/apron-rootfs")
            try await site.create("next")
            #expect(try await site.shell("next", "echo works") == "works")
        }
    }

    /// CVE-2024-21626: a descriptor of the host's, or a working directory by way of one.
    @Test(arguments: [false, true]) func nothingLeaksIntoPrograms(privileged: Bool) async throws {
        try await LaunchSite.with { site in
            try await site.create("box", privileged: privileged)
            #expect(try await site.run("box", [LaunchSite.probe, "descriptors"]).text == "0\n1\n2")
            let terminal = try await site.run("box", [LaunchSite.probe, "descriptors"]) {
                $0.terminal = WindowSize(columns: 80, rows: 24)
            }
            #expect(terminal.output.filter { $0.isNumber } == "012")
            for number in 3..<24 {
                for path in [
                    "/proc/self/fd/\(number)", "/proc/self/fd/\(number)/../../..", "/proc/self/fd/\(number)/made",
                ] {
                    let error = await failure { _ = try await site.run("box", ["/bin/pwd"], directory: path) }
                    let cause = (error as? WorkerError)?.cause
                    #expect([.tooManyLinks, .noEntry].contains(cause?.errno), "\(path): \(error as Any)")
                    #expect("\(error as Any)".contains(path))
                }
            }
            for path in ["/proc/self/cwd", "/proc/1/root", "/proc/1/cwd/tmp", "/proc/self/root/tmp"] {
                let error = await failure { _ = try await site.run("box", ["/bin/pwd"], directory: path) }
                #expect(["ELOOP", "EACCES"].contains((error as? WorkerError)?.cause?.errno.name), "\(path)")
            }
            #expect(try await site.run("box", ["/bin/pwd"], directory: "/../../..").text == "/")
            #expect(try await site.run("box", ["/bin/pwd"], directory: "/tmp/a/../b/c").text == "/tmp/b/c")
        }
    }

    /// A working directory that is made belongs to the user, also by way of a link to nothing; nothing else does.
    @Test func workingDirectoriesAreMade() async throws {
        try await LaunchSite.with { site in
            let root = try site.root("ln -s made/here home/testuser/link; ln -s loop home/testuser/loop")
            try await site.create("box", rootfs: root)
            let end = try await site.run("box", ["/bin/pwd"], user: "testuser", directory: "/home/testuser/link/x")
            #expect(end.text == "/home/testuser/made/here/x")
            #expect(try await site.shell("box", "stat -c %u /home /home/testuser/made/here/x") == "0\n1000")
            let error = await failure { _ = try await site.run("box", ["/bin/pwd"], directory: "/home/testuser/loop") }
            #expect((error as? WorkerError)?.cause?.errno == .tooManyLinks)
        }
    }

    /// CVE-2025-52881 and its like: the places of the kernel's file systems lead elsewhere.
    @Test(arguments: [
        ("rm -r proc; ln -s etc proc", "/proc"), ("rm -r sys; ln -s / sys", "/sys"),
        ("rm -r dev; ln -s tmp dev", "/dev"),
        ("rm -r proc; ln -s ../../../proc proc", "/proc"),
    ]) func kernelFileSystemsAreNotRedirected(change: String, path: String) async throws {
        try await LaunchSite.with { site in
            for root in [try site.root(change), "raw://" + (try site.root(change, raw: true))] {
                try await site.expectNoTrace {
                    let error = await failure { try await site.create("box", rootfs: root) }
                    let cause = (error as? WorkerError)?.cause
                    #expect(cause?.call == "openat2" && cause?.errno == .tooManyLinks, "\(error as Any)")
                    #expect(cause?.subject?.contains(path) == true)
                }
            }
        }
    }

    /// CVE-2025-31133 and CVE-2025-52565: what masks and terminals are made from is replaced in the image.
    @Test func devicesOfTheImageAreNotUsed() async throws {
        try await LaunchSite.with { site in
            let root = try site.root(
                """
                mkdir -p dev/pts; ln -s /proc/sysrq-trigger dev/null; ln -s /etc/passwd dev/console
                ln -s /etc/passwd dev/pts/ptmx; ln -s /etc/passwd dev/tty; ln -s /etc dev/shm
                """)
            try await site.create("box", rootfs: root)
            #expect(
                try await site.shell("box", "stat -c '%F %t:%T' /dev/null /proc/kcore | sort -u")
                    == "character special file 1:3")
            #expect(try await site.shell("box", "ls -l /dev/console 2>&1 | grep -c passwd || true") == "0")
            let terminal = try await site.run("box", ["/usr/bin/tty"]) {
                $0.terminal = WindowSize(columns: 80, rows: 24)
            }
            #expect(terminal.output.contains("/dev/pts/0"))
            #expect(try await site.shell("box", "touch /dev/shm/x; ls /etc/x 2>/dev/null || echo none") == "none")
        }
    }

    /// Links in the image under the files that every container gets.
    @Test func linksUnderMountedFilesStayInside() async throws {
        try await LaunchSite.with { site in
            try await site.create("up", rootfs: try site.root("mv etc gone; ln -s /../../.. etc"))
            #expect(try await site.shell("up", "cat /hostname") == "up")
            #expect(kernelError { try Descriptor(opening: "/hostname", .path) }?.errno == .noEntry)

            let dangling = "rm etc/resolv.conf; ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf"
            try await site.create("dangling", rootfs: try site.root(dangling))
            #expect(
                try await site.shell("dangling", "test -f /run/systemd/resolve/stub-resolv.conf && echo yes") == "yes")

            for target in ["hosts", "/proc/1/fd/3", "/proc/self/exe"] {
                try await site.expectNoTrace {
                    let root = try site.root("rm etc/hosts; ln -s \(target) etc/hosts")
                    let error = await failure { try await site.create("loop", rootfs: root) }
                    #expect((error as? WorkerError)?.cause?.errno == .tooManyLinks, "\(target): \(error as Any)")
                    #expect((error as? WorkerError)?.cause?.subject == "/etc/hosts")
                }
            }
        }
    }
}
