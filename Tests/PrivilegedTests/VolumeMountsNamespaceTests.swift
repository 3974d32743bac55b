import Kernel
import Storage
import TestSupport
import Testing

/// The namespace that holds the volumes' mounts outlives the daemon and is not seen from the host.
@Suite(.hostUnchanged) struct VolumeMountsNamespaceTests {
    let site: VolumeMountsSite

    init() throws { site = try VolumeMountsSite() }

    private func stack(_ first: Int = 1) throws -> LayerStack {
        LayerStack(layers: [try site.layer(first, .plain), try site.layer(first + 1, .plain)], owners: .plain)
    }

    /// Mounts of this process's namespace beneath the scratch directory.
    private func hostMounts() throws -> [String] {
        try MountTable().entries.map(\.point).filter { $0.hasPrefix(site.scratch.path) }
    }

    @Test func theHostSeesNothingButThePin() throws {
        let mounts = try site.open()
        let stack = try stack()
        let tree = try mounts.open("handle", stack, writable: true, unprivileged: false)
        #expect(try hostMounts() == ["\(site.scratch.path)/volumes/namespace"])
        #expect(try site.volumes.open("mounts/handle").isEmpty())
        #expect(try MountTable().topmost(at: "\(site.scratch.path)/volumes/namespace")?.propagation == [])
        extendLifetime(tree)
        try site.end(mounts)
        #expect(try hostMounts() == [])
        #expect(try !site.volumes.exists("namespace"))
    }

    @Test(arguments: ["", "overlay-fd"]) func mountsAreFoundAgain(disabled: String) throws {
        let stack = try stack()
        let before: Directory
        do {
            let mounts = try site.open(disabled: disabled)
            before = try mounts.open("handle", stack, writable: true, unprivileged: false).root()
            try before.write("file", [1])
        }
        for _ in 0..<3 {
            let mounts = try site.open(disabled: disabled)
            try mounts.recover(keeping: ["handle"])
            let root = try mounts.open("handle", stack, writable: true, unprivileged: false).root()
            #expect(try root.status().device == before.status().device)
            #expect(try root.read("file", limit: 1) == [1])
            #expect(try hostMounts().count == 1)
        }
        // A second overlay on the same layer would lose files.
        let mounts = try site.open(disabled: disabled)
        let other = LayerStack(layers: stack.layers + [try site.layer(7, .plain)], owners: .plain)
        let refused = kernelError { _ = try mounts.open("handle", other, writable: true, unprivileged: false) }
        #expect(refused?.errno == .busy)
        try site.end(mounts)
    }

    @Test func unknownVolumesAreDropped() throws {
        let first = try stack(1)
        let second = try stack(3)
        do {
            let mounts = try site.open()
            _ = try mounts.open("first", first, writable: true, unprivileged: false)
            _ = try mounts.open("second", second, writable: true, unprivileged: false)
        }
        let mounts = try site.open()
        try mounts.recover(keeping: ["second"])
        #expect(try site.volumes.open("mounts").entries() == ["second"])
        try mounts.close("second")
        try mounts.close("second")
        try mounts.close("never seen")
        #expect(try site.volumes.open("mounts").isEmpty())
        let root = try mounts.open("second", second, writable: true, unprivileged: false).root()
        try root.write("file", [1])
        try site.end(mounts)
    }

    /// After the machine was started anew the file is there, but nothing is mounted on it.
    @Test func aStaleFileIsNoNamespace() throws {
        try site.volumes.write("namespace", Array("left over".utf8))
        let mounts = try site.open()
        #expect(try hostMounts().count == 1)
        _ = try mounts.open("handle", try stack(), writable: true, unprivileged: false)
        try site.end(mounts)
    }

    /// Something else is mounted there, or the namespace of a directory that is gone.
    @Test func aForeignPinIsReplaced() throws {
        try site.volumes.write("namespace", [])
        try MountTree.clone("\(site.scratch.path)/volumes/namespace")
            .attach(at: "\(site.scratch.path)/volumes/namespace")
        try site.end(try site.open())

        let elsewhere = try VolumeMountsSite()
        let thread = try MountThread(root: elsewhere.volumes)
        try MountNamespacePin(site.volumes, "namespace").pin(try thread.namespace())
        let mounts = try site.open()
        let root = try mounts.open("handle", try stack(), writable: true, unprivileged: false).root()
        try root.write("file", [1])
        try site.end(mounts)
    }

    /// systemd makes every host's root shared; a mount namespace cannot be pinned on a shared mount.
    @Test func thePinIsPrivateOnASharedMount() throws {
        let path = try site.scratch.makeDirectories("shared")
        try FileSystemContext("tmpfs").mount().attach(at: path)
        defer { try? MountPoint(path).unmount(detach: true) }
        try MountPoint(path).setPropagation(.shared)
        let volumes = try Directory(path).make("volumes")
        for _ in 0..<3 {
            let mounts = try VolumeMounts(volumes: volumes, maps: site.maps, features: try site.features())
            #expect(try hostMounts().count == 3)
            #expect(try MountTable().topmost(at: "\(path)/volumes/namespace")?.propagation == [])
            extendLifetime(mounts)
        }
        try VolumeMounts(volumes: volumes, maps: site.maps, features: try site.features()).release()
        #expect(try hostMounts() == [path])
    }

    /// A process's own namespace is never younger than itself.
    @Test(arguments: [MountPropagation.private, .shared]) func aFailedPinLeavesNothing(
        propagation: MountPropagation
    ) throws {
        let path = try site.scratch.makeDirectories("refused")
        try FileSystemContext("tmpfs").mount().attach(at: path)
        defer { try? MountPoint(path).unmount(detach: true) }
        try MountPoint(path).setPropagation(propagation)
        let directory = try Directory(path)
        let own = try KernelFile.open("/proc/self/ns/mnt")
        let error = kernelError { try MountNamespacePin(directory, "namespace").pin(own) }
        #expect(error?.call == "mount" && error?.errno == .invalid, "\(error as Any)")
        #expect(error?.subject == "\(path)/namespace")
        #expect(try directory.isEmpty())
        #expect(try hostMounts() == [path])
    }

    /// What a process left that died while it made an overlay the older way.
    @Test func halfMadeOverlaysAreCleared() throws {
        let stack = try stack()
        try site.files(stack.layers[1]).write("file", [1])
        do {
            let mounts = try site.open()
            extendLifetime(mounts)
            guard let namespace = try MountNamespacePin(site.volumes, "namespace").open() else {
                Issue.record("nothing is pinned")
                return
            }
            let path = "/layers/\(stack.layers[1].id)/files"
            try MountThread(entering: namespace).run { () throws(KernelError) in
                try FileSystemContext("tmpfs").mount().attach(at: path)
            }
        }
        let mounts = try site.open()
        let root = try mounts.open("handle", stack, writable: true, unprivileged: false).root()
        #expect(try root.exists("file"))
        try site.end(mounts)
    }
}
