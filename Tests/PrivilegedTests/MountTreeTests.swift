import Kernel
import TestSupport
import Testing

@Suite(.hostUnchanged) struct MountTreeTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test func clonesAttachesAndUnmounts() throws {
        try scratch.directory.make("source").write("file", [7])
        try scratch.directory.make("target")
        let target = "\(scratch.path)/target"
        let tree = try MountTree.clone("\(scratch.path)/source")
        #expect(try tree.root().read("file", limit: 1) == [7])
        try tree.setAttributes([.readOnly, .noSuid, .noDev, .noExec, .strictAtime])
        try tree.setPropagation(.private)
        try tree.attach(at: target)
        defer { try? MountPoint(target).unmount(detach: true) }
        let entry = try #require(try MountTable().topmost(at: target))
        let options = Set(entry.options.split(separator: ","))
        #expect(options.isSuperset(of: ["ro", "nosuid", "nodev", "noexec"]))
        #expect(!options.contains("relatime"))
        let attached = try Directory(target)
        #expect(kernelError { try attached.write("x", []) }?.errno.name == "EROFS")
        try MountPoint(target).setAttributes([.noAtime], clear: .readOnly)
        try attached.write("x", [])
        try MountPoint(target).setPropagation(.shared)
        #expect(try MountTable().topmost(at: target)?.propagation.isEmpty == false)
    }

    @Test func aDetachedMountEndsWithItsDescriptor() throws {
        let before = try MountTable().entries
        do {
            let tree = try FileSystemContext("tmpfs").mount()
            try tree.root().write("file", [1])
            let copy = try? tree.clone()
            // Copies of detached mounts came with Linux 6.15; before they are refused, never wrong.
            if let copy { #expect(try copy.root().read("file", limit: 1) == [1]) }
        }
        #expect(try MountTable().entries == before)
    }

    @Test func failedContextsSayWhy() throws {
        let unknown = kernelError { _ = try FileSystemContext("apronfs") }
        #expect(unknown?.errno == .noDevice)
        let context = try FileSystemContext("tmpfs")
        let error = kernelError { try context.set("nonsense", "1") }
        #expect(error?.errno == .invalid)
        #expect(error?.subject?.contains("Unknown parameter 'nonsense'") == true)
        try context.set("size", "64k")
        try context.set("mode", "700")
        let tree = try context.mount([.noExec])
        #expect(try tree.root().status().mode == 0o700)
        let missing = kernelError { try FileSystemContext("overlay").mount() }
        #expect(missing?.errno == .invalid)
    }

    @Test func idMapsShiftOwners() throws {
        let namespace = try UserNamespace()
        try scratch.directory.write("root", [1])
        try scratch.directory.write("user", [1])
        try scratch.directory.chown("user", uid: 1000, gid: 1001)
        let tree = try MountTree.clone(scratch.path)
        try tree.idMap(userNamespace: namespace.descriptor)
        let root = try tree.root()
        #expect(try root.status("root").uid == UserNamespace.rootID)
        #expect(try root.status("root").gid == UserNamespace.rootID)
        #expect(try root.status("user").uid == 1000)
        #expect(try root.status("user").gid == 1001)
    }

    @Test func bindSourcesAreCheckedOnce() throws {
        try scratch.directory.make("real").write("file", [1])
        try scratch.directory.symlink("link", to: "real")
        let byLink = try BindSource("\(scratch.path)/link")
        let (isDirectory, kind) = (byLink.isDirectory, byLink.status.kind)
        #expect(isDirectory)
        #expect(kind == .directory)
        #expect(try byLink.tree.root().entries() == ["file"])
        let file = try BindSource("\(scratch.path)/real/file")
        let fileIsDirectory = file.isDirectory
        #expect(!fileIsDirectory)
        let missing = kernelError { _ = try BindSource("\(scratch.path)/missing") }
        #expect(missing?.errno == .noEntry)
        #expect(missing?.subject == "\(scratch.path)/missing")
        #expect(kernelError { _ = try BindSource("relative") } != nil)
    }

    @Test func removalStopsAtMounts() throws {
        let tree = try scratch.directory.make("tree")
        let point = try tree.make("a").make("point")
        let context = try FileSystemContext("tmpfs").mount()
        try context.root().write("precious", [1])
        try context.attach(at: point)
        defer { try? MountPoint("\(scratch.path)/tree/a/point").unmount() }
        let error = kernelError { try scratch.directory.removeTree("tree") }
        #expect(error?.errno == .busy)
        #expect(error?.subject == "\(scratch.path)/tree/a/point")
        #expect(try Directory("\(scratch.path)/tree/a/point").read("precious", limit: 1) == [1])
    }

    @Test func removalRefusesToEnterABoundDirectory() throws {
        let precious = try scratch.directory.make("precious")
        try precious.make("inner").write("file", [1])
        try scratch.directory.make("tree").make("point")
        try MountTree.clone(precious).attach(at: "\(scratch.path)/tree/point")
        defer { try? MountPoint("\(scratch.path)/tree/point").unmount() }
        #expect(kernelError { try scratch.directory.removeTree("tree") } != nil)
        #expect(try precious.open("inner").entries() == ["file"])
    }

    /// The comparison that other tests rely on must see what is left over.
    @Test func theComparisonOfTheHostSeesMountsAndDescriptors() throws {
        let point = try scratch.makeDirectories("point")
        let before = try HostState.now()
        try FileSystemContext("tmpfs").mount().attach(at: point)
        let held = try Memfd("held")
        let differences = try HostState.now().differences(from: before)
        #expect(differences.contains { $0.hasPrefix("left over in mounts: \(point) tmpfs") })
        #expect(differences.contains { $0.hasPrefix("left over in open descriptors: /memfd:held") })
        extendLifetime(held)
        try MountPoint(point).unmount()
        let gone = try HostState.now().differences(from: before).filter { $0.contains("mounts") }
        #expect(gone.isEmpty)
    }
}
