import Foundation
import Kernel
import Runtime
import Storage
import TestSupport
import Testing

@testable import Worker

/// Containers whose roots and bind mounts lie in volumes.
@Suite(.hostUnchanged, .serialized) struct VolumeServiceContainerTests {
    @Test(arguments: [false, true]) func rootAndBindsAreVolumes(privileged: Bool) async throws {
        try await VolumeSite.with { site in
            let (volumes, containers) = (try site.volumes, site.site)
            try await site.make("image", .importing(path: containers.image, followsSymlinks: false), privileged: true)
            let root = try await site.make("root", .copyOnWrite(parent: "image"), privileged: privileged)
            let input = try await site.make("input", privileged: privileged)
            let output = try await site.make("output", privileged: privileged)
            func create(_ handle: String) async throws {
                try await containers.create(handle, privileged: privileged, rootfs: "raw://\(root)") { request in
                    request.bindMounts = [
                        .init(source: input, destination: "/in", writable: false),
                        .init(source: output, destination: "/out", writable: true),
                    ]
                }
            }
            try await create("task")
            #expect(try await containers.shell("task", "stat -c '%u %g %a' / /in /out") == "0 0 755\n0 0 755\n0 0 755")
            _ = try await containers.shell(
                "task", "echo changed >/etc/motd; echo result >/out/file; chown 7:8 /out/file")
            #expect(try await containers.run("task", ["/bin/sh", "-c", "echo no >/in/file"]).code != 0)

            for handle in ["root", "input", "output"] {
                let error = await failure { try await volumes.destroy(handle) } as? VolumeError
                #expect(error?.kind == .inUse && error?.message.contains("task") == true, "\(error as Any)")
            }
            // A copy shows what there is now, whatever its owner's container does later.
            let copy = try await site.make("copy", .copyOnWrite(parent: "output"), privileged: !privileged)
            _ = await containers.attempt("task", "echo later >/out/later")
            try await containers.create("next", privileged: !privileged) { request in
                request.bindMounts = [.init(source: copy, destination: "/copy", writable: true)]
            }
            let shown = "cat /copy/file; stat -c '%u %g' /copy /copy/file; ls /copy"
            #expect(try await containers.shell("next", shown) == "result\n0 0\n7 8\nfile")

            try await containers.service.destroy("task")
            try await volumes.destroy("input")
            let error = await failure { try await create("again") }
            #expect("\(error as Any)".contains("volume input does not exist"))
            try await volumes.destroy("root")
        }
    }

    @Test func aRootBelowAVolume() async throws {
        try await VolumeSite.with { site in
            let containers = site.site
            let source = try containers.scratch.makeDirectories("artifact")
            try runProgram("sh", "-ec", "cp -a \(containers.image) \(source)/rootfs; ln -s rootfs \(source)/linked")
            let path = try await site.make("artifact", .importing(path: source, followsSymlinks: false))
            for (index, rest) in ["rootfs", "linked", "../../../artifact/rootfs/../rootfs"].enumerated() {
                if rest.hasPrefix("..") {
                    // Inside a volume `..` leads no further than its root.
                    let error = await failure {
                        try await containers.create("box\(index)", rootfs: "raw://\(path)/\(rest)")
                    }
                    #expect("\(error as Any)".contains("artifact"))
                } else {
                    try await containers.create("box\(index)", rootfs: "raw://\(path)/\(rest)")
                    #expect(try await containers.shell("box\(index)", "echo works") == "works")
                }
            }
            let error = await failure {
                try await containers.create("lost", rootfs: "raw://\(site.directory)/live/gone/volume/rootfs")
            }
            #expect("\(error as Any)".contains("volume gone does not exist"))
            let inner = await failure { try await containers.create("lost", rootfs: "raw://\(path)/nothing") }
            #expect((inner as? WorkerError)?.cause?.errno == .noEntry)
        }
    }

    @Test func privilegeChangesWhatIsShown() async throws {
        try await VolumeSite.with { site in
            let (volumes, containers) = (try site.volumes, site.site)
            let path = try await site.make("moving")
            for (index, privileged) in [false, true, false].enumerated() {
                try await volumes.setPrivileged("moving", to: privileged)
                #expect(try await volumes.find("moving").isPrivileged == privileged)
                let handle = "box\(index)"
                try await containers.create(handle, privileged: privileged) { request in
                    request.bindMounts = [.init(source: path, destination: "/data", writable: true)]
                }
                let owners = try await containers.shell(handle, "touch /data/\(index); stat -c %u /data /data/*")
                #expect(Set(owners.split(separator: "\n")) == ["0"])
                try await containers.service.destroy(handle)
            }
        }
    }

    /// The mount namespace of the volumes goes while a container lives that writes to one of several layers.
    @Test func aLostNamespaceLosesNoWrites() async throws {
        try await VolumeSite.with { site in
            let containers = site.site
            try await site.make("image", .importing(path: containers.image, followsSymlinks: false))
            let root = try await site.make("root", .copyOnWrite(parent: "image"))
            try await containers.create("survivor", rootfs: "raw://\(root)")
            _ = try await containers.shell("survivor", "echo before >/root/file")
            let before = try site.status("root").device

            try MountPoint("\(site.directory)/namespace").unmount(detach: true)
            _ = try await site.restart()
            #expect(try site.status("root").device == before)
            _ = try await containers.shell("survivor", "echo after >/root/file")
            try await containers.create("second", rootfs: "raw://\(root)")
            #expect(try await containers.shell("second", "cat /root/file; echo more >>/root/file") == "after")
            #expect(try await containers.shell("survivor", "cat /root/file") == "after\nmore")
            try await site.end(["survivor", "second"], volumes: ["root", "image"])
        }
    }

    /// As above, but the container has no more than a directory of the volume: nobody can have the whole.
    @Test func aPartOfALostMountIsNotMountedTwice() async throws {
        try await VolumeSite.with { site in
            let containers = site.site
            let source = try containers.scratch.makeDirectories("source/part")
            try await site.make("base", .importing(path: "\(source)/..", followsSymlinks: false))
            let path = try await site.make("data", .copyOnWrite(parent: "base"))
            try await containers.create("survivor") { request in
                request.bindMounts = [.init(source: "\(path)/part", destination: "/part", writable: true)]
            }
            _ = try await containers.shell("survivor", "echo before >/part/file")

            try MountPoint("\(site.directory)/namespace").unmount(detach: true)
            _ = try await site.restart()
            for writable in [false, true] {
                let error = await failure {
                    try await containers.create("second") { request in
                        request.bindMounts = [.init(source: path, destination: "/data", writable: writable)]
                    }
                }
                #expect("\(error as Any)".contains("container survivor has a part of it mounted"))
                #expect((error as? WorkerError)?.cause?.errno == .busy)
            }
            // A copy is another volume, with a copy of what cannot be made read-only.
            let copy = try await site.make("copy", .copyOnWrite(parent: "data"))
            _ = try await containers.shell("survivor", "echo later >/part/file")
            try await containers.create("reader") { request in
                request.bindMounts = [.init(source: copy, destination: "/copy", writable: false)]
            }
            #expect(try await containers.shell("reader", "cat /copy/part/file") == "before")

            try await site.end(["survivor"], volumes: [])
            try await containers.create("second") { request in
                request.bindMounts = [.init(source: path, destination: "/data", writable: true)]
            }
            #expect(try await containers.shell("second", "cat /data/part/file") == "later")
            try await site.end(["second", "reader"], volumes: ["copy", "data", "base"])
        }
    }

    @Test func restartsKeepVolumesInUse() async throws {
        try await VolumeSite.with { site in
            let containers = site.site
            try await site.make("image", .importing(path: containers.image, followsSymlinks: false))
            let root = try await site.make("root", .copyOnWrite(parent: "image"))
            let data = try await site.make("data")
            try await containers.create("survivor", rootfs: "raw://\(root)") { request in
                request.bindMounts = [.init(source: data, destination: "/data", writable: true)]
            }
            _ = try await containers.shell("survivor", "echo before >/data/file; echo before >/root/file")
            // Process 1 dies, and the next program mounts everything again.
            try await containers.killProcessOne("survivor")
            #expect(try await containers.shell("survivor", "cat /data/file /root/file") == "before\nbefore")
            #expect(await site.kind { try await site.volumes.destroy("data") } == .inUse)
            _ = try await site.restart()
            #expect(try await containers.shell("survivor", "cat /data/file /root/file") == "before\nbefore")
            for handle in ["root", "data"] {
                #expect(await site.kind { try await site.volumes.destroy(handle) } == .inUse)
            }
            let pid = try #require(
                containers.service.registry.find("survivor").kernel?.process.pid)
            try await containers.service.destroy("survivor")
            // The second worker does not know that its process 1 is a child of this process.
            _ = waitpid(pid, nil, 0)
            for handle in ["root", "data", "image"] { try await site.volumes.destroy(handle) }
        }
    }
}

extension VolumeSite {
    /// What a mount of the volume shows of its root.
    fileprivate func status(_ handle: String) throws -> FileStatus {
        let store = try volumes.store
        defer { store.release(.stream(0)) }

        return try store.mount(handle, writable: false, unprivileged: false, user: .stream(0)).root().status()
    }

    /// Destroys containers that another worker may have started, then volumes.
    fileprivate func end(_ containers: [String], volumes handles: [String]) async throws {
        for handle in containers {
            let pid = try #require(site.service.registry.find(handle).kernel?.process.pid)
            try await site.service.destroy(handle)
            // A later worker does not know that its process 1 is a child of this process.
            _ = waitpid(pid, nil, 0)
        }
        for handle in handles { try await volumes.destroy(handle) }
    }
}

extension LaunchSite {
    /// A script that may fail.
    fileprivate func attempt(_ handle: String, _ script: String) async -> ProgramEnd? {
        try? await run(handle, ["/bin/sh", "-c", script])
    }
}
