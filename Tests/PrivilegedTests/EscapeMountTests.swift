import Kernel
import TestSupport
import Testing

@testable import Worker

/// Bind mounts, roots and account files that try to lead the worker astray.
@Suite(.hostUnchanged, .serialized) struct EscapeMountTests {
    private func mount(_ source: String, _ destination: String) -> ContainerRequest.BindMount {
        .init(source: source, destination: destination, writable: true)
    }

    @Test func targetsStayInside() async throws {
        try await LaunchSite.with { site in
            let outside = try site.scratch.makeDirectories("outside")
            let source = try site.scratch.makeDirectories("source")
            try Directory(source).write("mark", Array("mark".utf8))
            let root = try site.root("ln -s \(outside) link; ln -s ../../../../../../..\(outside) up")
            for target in ["/link/a", "/up/b", "/../../../../../../..\(outside)/c", "/link/d/e/../f"] {
                try await site.create("box", rootfs: root) { $0.bindMounts = [mount(source, target)] }
                #expect(
                    try await site.shell("box", "find / -xdev -name none; cat \(target)/mark") == "mark", "\(target)")
                #expect(try Directory(outside).isEmpty(), "\(target)")
                try await site.service.destroy("box")
            }
        }
    }

    /// Whatever is laid over procfs, later programs start, accounts are found, and the masks are where they were.
    @Test(arguments: ["/proc", "/proc/self", "/proc/1", "/proc/sys", "/", "/dev", "/sys"])
    func mountsOverKernelFilesDoNoHarm(target: String) async throws {
        try await LaunchSite.with { site in
            let source = try site.scratch.makeDirectories("source")
            try await site.create("box") { $0.bindMounts = [mount(source, target)] }
            let end = try await site.run("box", ["/bin/sh", "-c", "id -u; cd /tmp && pwd"], user: "testuser")
            #expect(end.text == "1000\n/tmp")
            #expect(try Directory(source).entries().filter { $0 != "self" }.isEmpty)
        }
    }

    @Test func magicTargetsAreRefused() async throws {
        try await LaunchSite.with { site in
            for target in ["/proc/self/fd/3/x", "/proc/1/root", "/proc/self/cwd", "/etc/passwd/below"] {
                try await site.expectNoTrace {
                    let error = await failure {
                        try await site.create("box") { $0.bindMounts = [mount("/etc", target)] }
                    }
                    let cause = (error as? WorkerError)?.cause
                    #expect(cause?.subject == target && cause?.call.isEmpty == false, "\(error as Any)")
                    #expect(["ELOOP", "ENOTDIR", "ENOENT"].contains(cause?.errno.name), "\(error as Any)")
                }
            }
        }
    }

    @Test func sources() async throws {
        try await LaunchSite.with { site in
            let files = Directory(
                try Descriptor(opening: try site.scratch.makeDirectories("files"), .path), path: "files")
            try files.write("file", Array("content".utf8))
            try files.symlink("link", to: "file")
            try files.symlink("loop", to: "loop")
            let path = "\(site.scratch.path)/files"
            try await site.create("box") {
                $0.bindMounts = [mount("\(path)/file", "/new/file"), mount("\(path)/link", "/new/link")]
            }
            #expect(try await site.shell("box", "cat /new/file /new/link") == "contentcontent")
            for (name, errno) in [("missing", "ENOENT"), ("loop", "ELOOP"), ("file/below", "ENOTDIR")] {
                try await site.expectNoTrace {
                    let error = await failure {
                        try await site.create("bad") { $0.bindMounts = [mount("\(path)/\(name)", "/x")] }
                    }
                    #expect((error as? WorkerError)?.cause?.errno.name == errno)
                    #expect("\(error as Any)".contains("\(path)/\(name)"))
                }
            }
        }
    }

    @Test func rawRoots() async throws {
        try await LaunchSite.with { site in
            let root = try site.root(raw: true)
            let scratch = site.scratch.directory
            try scratch.write("file", [])
            try scratch.symlink("link", to: root)
            try scratch.symlink("loop", to: "loop")
            let path = site.scratch.path
            for (name, errno) in [("missing", "ENOENT"), ("file", "ENOTDIR"), ("loop", "ELOOP")] {
                try await site.expectNoTrace {
                    let error = await failure { try await site.create("bad", rootfs: "raw://\(path)/\(name)") }
                    #expect((error as? WorkerError)?.cause?.errno.name == errno)
                    #expect("\(error as Any)".contains("\(path)/\(name)"))
                }
            }
            try await site.create("box", rootfs: "raw://\(path)/link")
            #expect(try await site.shell("box", "echo works >/root/file; cat /root/file") == "works")
        }
    }

    /// systemd makes every mount of a host shared: neither may a root be refused for it, nor a mount inside spread.
    @Test(arguments: [true, false])
    func sharedMounts(privileged: Bool) async throws {
        try await LaunchSite.with { site in
            let root = try site.root(raw: !privileged)
            try runProgram("mount", "--bind", root, root)
            defer { _ = try? runProgram("umount", "--recursive", root) }
            try runProgram("mount", "--make-shared", root)
            try await site.create("box", privileged: privileged, rootfs: "raw://\(root)")
            if privileged {
                _ = try await site.shell("box", "mkdir -p /mnt && mount -t tmpfs none /mnt && touch /mnt/inside")
            }
            let spread = try MountTable().entries.filter { $0.point.hasPrefix(root + "/") }
            #expect(spread.isEmpty)
        }
    }

    /// The worker reads accounts in the container's root, where anything may stand in their place.
    @Test(arguments: [
        "mkfifo etc/passwd etc/group", "ln -s /etc/passwd etc/passwd", "mkdir etc/passwd", "mknod etc/passwd c 1 5",
        "truncate -s 3G etc/passwd", "ln -s ../../../../../../etc/passwd etc/passwd",
        "ln -s /proc/1/root/etc/passwd etc/passwd",
        "yes 'testuser2:x:7:7::/:/bin/sh' | head -c 5000000 >etc/passwd",
    ]) func accountFiles(change: String) async throws {
        try await LaunchSite.with { site in
            try await site.create("box", rootfs: try site.root("rm etc/passwd etc/group; \(change)"))
            #expect(try await site.probe("box", "effective-user") == "0")
            #expect(try await site.probe("box", "effective-user", user: "1234") == "1234")
            // A name of the host's only.
            let error = await failure { _ = try await site.run("box", ["/bin/true"], user: "games") }
            #expect("\(error as Any)".contains("unable to find user games"))
        }
    }
}
