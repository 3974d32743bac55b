import Kernel
import Storage
import TestSupport
import Testing

/// A layer that shall take no more changes takes none, or says that it cannot be.
///
/// On a file system of its own, which the processes that stand for containers do not see.
@Suite(.hostUnchanged) struct VolumeMountsFreezeTests {
    let site: VolumeMountsSite
    let mounts: VolumeMounts

    init() throws {
        site = try VolumeMountsSite(onOwnFileSystem: true)
        mounts = try site.open()
    }

    private func stack(_ depth: Int) throws -> LayerStack {
        LayerStack(layers: try (1...depth).map { try site.layer($0, .plain) }, owners: .plain)
    }

    private func tree(_ stack: LayerStack) throws -> MountTree {
        try mounts.open("handle", stack, writable: true, unprivileged: false)
    }

    private static let writing: OpenFlags = [.writeOnly, .create]

    @Test(arguments: [1, 2]) func mountsOfContainersBecomeReadOnly(depth: Int) throws {
        let stack = try stack(depth)
        let containers = try (0..<2).map { _ in try MountedProcess(hiding: site.volumes) }
        for container in containers { try container.attach(try tree(stack), at: "/mnt") }
        _ = try containers[0].openFile("/mnt", "file", Self.writing)
        #expect(try mounts.freeze("handle", stack, processes: containers.map(\.pid)) == .frozen)
        for container in containers {
            _ = try container.openFile("/mnt", "file", .readOnly)
            let refused = kernelError { _ = try container.openFile("/mnt", "other", Self.writing) }
            #expect(refused?.errno == .readOnlyFileSystem)
        }
        #expect(try site.volumes.open("mounts").isEmpty())
        try site.end(mounts)
    }

    @Test func mountsInUserNamespacesBecomeReadOnly() throws {
        let stack = try stack(2)
        let container = try MountedProcess(hiding: nil)
        try container.attach(try tree(stack), at: "/mnt")
        do {
            let writer = try container.openFile("/mnt", "file", Self.writing)
            #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .busy)
            _ = try container.openFile("/mnt", "other", Self.writing)
            extendLifetime(writer)
        }
        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .frozen)
        #expect(kernelError { _ = try container.openFile("/mnt", "file", Self.writing) }?.errno == .readOnlyFileSystem)
        try site.end(mounts)
    }

    @Test(arguments: [1, 2]) func anOpenFileKeepsEverythingWritable(depth: Int) throws {
        let stack = try stack(depth)
        let containers = try (0..<2).map { _ in try MountedProcess(hiding: site.volumes) }
        for container in containers { try container.attach(try tree(stack), at: "/mnt") }
        do {
            let writer = try containers[1].openFile("/mnt", "file", Self.writing)
            #expect(try mounts.freeze("handle", stack, processes: containers.map(\.pid)) == .busy)
            for container in containers { _ = try container.openFile("/mnt", "other", Self.writing) }
            extendLifetime(writer)
        }
        #expect(try mounts.freeze("handle", stack, processes: containers.map(\.pid)) == .frozen)
        try site.end(mounts)
    }

    /// An overlay can be frozen as a whole wherever it is mounted; a directory of a file system cannot.
    @Test(arguments: [1, 2]) func namespacesInsideContainersAreNotForgotten(depth: Int) throws {
        let stack = try stack(depth)
        try site.files(stack.layers[0]).write("ready", [])
        let container = try MountedProcess(
            hiding: site.volumes, command: "while ! [ -e /mnt/ready ]; do sleep 0.02; done; unshare -m sleep 1000")
        try container.attach(try tree(stack), at: "/mnt")
        // The copy of the namespace comes with the mount.
        let deadline = bootTime() + 60_000_000_000
        while try MountNamespace.isAlone(beneath: container.pid), bootTime() < deadline {
            CallingThread.pause(microseconds: 5000)
        }
        let outcome = try mounts.freeze("handle", stack, processes: [container.pid])
        #expect(outcome == (depth == 1 ? .busy : .frozen))
        let later = kernelError { _ = try container.openFile("/mnt", "file", Self.writing) }
        #expect(later?.errno == (depth == 1 ? nil : .readOnlyFileSystem))
        try site.end(mounts)
    }

    /// A container that sees the disk with the layers on it can write to them in another way.
    @Test func aMountOfTheWholeDiskCannotBeFrozen() throws {
        let stack = try stack(1)
        let container = try MountedProcess(hiding: site.volumes)
        try container.attach(try tree(stack), at: "/mnt")
        try container.attach(try MountTree.clone(site.base), at: try site.scratch.makeDirectories("elsewhere"))
        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .busy)
        _ = try container.openFile("/mnt", "file", Self.writing)
        try site.end(mounts)
    }

    /// A container whose mount is not to be seen, be it under another one or not attached yet.
    @Test(arguments: [1, 2]) func hiddenMountsAreNotForgotten(depth: Int) throws {
        let stack = try stack(depth)
        let container = try MountedProcess(hiding: site.volumes)
        let held = try tree(stack)
        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == (depth == 1 ? .busy : .frozen))
        #expect((kernelError { try held.root().write("file", []) } == nil) == (depth == 1))
        try site.end(mounts)
    }

    @Test func coveredMountsAreBusy() throws {
        let stack = try stack(1)
        let container = try MountedProcess(hiding: site.volumes)
        try container.attach(try tree(stack), at: "/mnt")
        try container.attach(try FileSystemContext("tmpfs").mount(), at: "/mnt")
        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .busy)
        try site.end(mounts)
    }

    @Test func partsOfALayerAreFound() throws {
        let stack = try stack(1)
        try site.files(stack.layers[0]).make("part")
        let container = try MountedProcess(hiding: site.volumes)
        let part = try mounts.open("handle", stack, rest: "part", writable: true, unprivileged: true)
        try container.attach(part, at: "/mnt")
        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .frozen)
        #expect(kernelError { _ = try container.openFile("/mnt", "x", Self.writing) }?.errno == .readOnlyFileSystem)
        try site.end(mounts)
    }

    @Test func whatNobodyUsesIsUnused() throws {
        let stack = try stack(2)
        #expect(try mounts.freeze("handle", stack, processes: []) == .unused)
        _ = try tree(stack)
        #expect(try mounts.freeze("handle", stack, processes: []) == .frozen)
        #expect(try mounts.freeze("handle", stack, processes: []) == .unused)
        let single = LayerStack(layers: [stack.layers[1]], owners: .plain)
        #expect(try mounts.freeze("other", single, processes: []) == .unused)
        #expect(try mounts.freeze("other", LayerStack(owners: .plain), processes: []) == .unused)
        // Processes that have ended use nothing.
        let pid = try MountedProcess(hiding: site.volumes).pid
        _ = try tree(stack)
        #expect(try mounts.freeze("handle", stack, processes: [pid]) == .frozen)
        try site.end(mounts)
    }

    /// The daemon was in a mount namespace of its own, which ended with it; its containers did not.
    @Test func anOverlayIsTakenBackFromAContainer() throws {
        let stack = try stack(2)
        let container = try MountedProcess(hiding: nil)
        try container.attach(
            try mounts.open("handle", stack, writable: false, unprivileged: true), at: "/mnt")
        let device = try tree(stack).root().status().device
        try mounts.close("handle")

        #expect(try mounts.freeze("handle", stack, processes: [container.pid]) == .busy)
        for _ in 0..<2 { #expect(try mounts.adopt("handle", stack, process: container.pid) == .mounted) }
        let root = try tree(stack).root()
        #expect(try root.status().device == device)
        try root.write("file", [1])
        _ = try container.openFile("/mnt", "file", .readOnly)
        let other = LayerStack(layers: stack.layers.reversed(), owners: .plain)
        #expect(try mounts.adopt("other", other, process: container.pid) == .absent)
        try site.end(mounts)
    }
}
