import Kernel
import TestSupport
import Testing

@testable import Storage

/// The rules by which volumes are made of layers.
@Suite(.hostUnchanged) struct VolumeStoreTests {
    let root = UserNamespace.rootID

    @Test func anEmptyVolumeHasNoLayerUntilSomebodyWrites() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let made = try store.make("a", properties: ["k": "v"])
        #expect(made.stack.layers.isEmpty)
        #expect(try site.layers.isEmpty)
        #expect(store.find("a") == made)
        #expect(store.list().map(\.handle) == ["a"])
        #expect(store.path(of: "a") == "\(site.path)/live/a/volume")
        #expect(try Directory(store.path(of: "a")).isEmpty())
        #expect(try store.read("a", "f") == nil)
        #expect(try store.status("a").uid == root)
        #expect(try store.status("a").mode == 0o755)
        #expect(try site.layers.isEmpty)
        try store.write("a", "f", "1")
        #expect(try store.read("a", "f") == "1")
        #expect(try site.layers.count == 1)
        #expect(store.find("a")?.writtenSince == "boot-1")
        try store.make("b", isPrivileged: true)
        #expect(try store.status("b").uid == 0)
    }

    @Test func aFullDiskIsToldWithTheFile() throws {
        let scratch = try Scratch()
        let disk = try scratch.makeDirectories("disk")
        try runProgram("mount", "-t", "tmpfs", "-o", "size=8m", "small", disk)
        // Lazily: what was removed may still be being deleted there.
        defer { _ = try? runProgram("umount", "-l", disk) }
        let site = try VolumeStoreSite(in: disk) { $0.reserve = .bytes(0) }
        let (store, _) = try site.start()
        try store.make("before")
        try runProgram("sh", "-c", "dd if=/dev/zero of=\(disk)/filler bs=64k 2>/dev/null || true")
        let made = storeError { try store.make("after") }
        #expect(made?.kind == .noSpace && made?.cause?.errno == .noSpace, "\(made as Any)")
        #expect(made?.cause?.subject == "\(site.path)/init/after/volume.json")
        let changed = storeError { try store.setProperty("before", "k", to: "v") }
        #expect(changed?.cause?.errno == .noSpace, "\(changed as Any)")
        #expect(changed?.cause?.subject == "\(site.path)/live/before/volume.json.new")
        // Nothing of either is left when there is room again.
        #expect(store.list().map(\.handle) == ["before"] && store.find("before")?.properties == nil)
        try runProgram("rm", "\(disk)/filler")
        try store.make("after")
        try store.setProperty("before", "k", to: "v")
        #expect(store.find("before")?.properties == ["k": "v"])
    }

    @Test(arguments: ["", ".", "..", "a/b", "a\0b", String(repeating: "x", count: 256)])
    func handlesThatCannotBeNamesAreRefused(handle: String) throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        #expect(storeError { try store.make(handle) }?.kind == .invalid)
        #expect(try site.names("init").isEmpty)
        #expect(store.list().isEmpty)
    }

    @Test func anyOtherNameIsAHandle() throws {
        let site = try VolumeStoreSite()
        let handles = [String(repeating: "x", count: 255), "-", " ", "...", "a:b,c\\d", "ü", "volume.json"]
        var (store, _) = try site.start()
        for handle in handles {
            try store.make(handle)
            try store.make("child of \(handle.prefix(200))", .copy(of: handle))
            try store.write(handle, "f", handle)
            #expect(storeError { try store.make(handle) }?.kind == .exists)
        }
        store = try site.start().store
        for handle in handles {
            #expect(try store.read(handle, "f") == handle)
            try store.destroy(handle)
        }
        #expect(store.list().count == handles.count)
    }

    @Test(arguments: ["", "overlay-fd"]) func copiesShareLayersAndSeeNothingOfEachOther(disabled: String) throws {
        let site = try VolumeStoreSite(disabled: disabled)
        let (store, _) = try site.start()
        try store.make("p")
        try store.write("p", "f", "old")
        let child = try store.make("c", .copy(of: "p"))
        #expect(child.parent == "p")
        #expect(child.stack.isSealed)
        #expect(try site.layers.count == 1)
        #expect(store.find("p")?.stack.isSealed == true)
        try store.write("p", "f", "parent")
        try store.write("c", "f", "child")
        try store.make("d", .copy(of: "c"))
        try store.write("c", "f", "later")
        #expect(try ["p", "c", "d"].map { try store.read($0, "f") } == ["parent", "later", "child"])
        try store.destroy("p")
        #expect(try ["c", "d"].map { try store.read($0, "f") } == ["later", "child"])
        let inspection = try store.inspect("c")
        #expect(inspection.layers.map(\.volumes) == [1, 2, 2])
        #expect(inspection.children == ["d"])
        for handle in ["c", "d"] { try store.destroy(handle) }
        store.files.graveyard.waitUntilEmpty()
        #expect(try site.layers.isEmpty)
        #expect(try site.names("dead").isEmpty)
    }

    @Test func aCopyOfNothingIsRefused() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let error = storeError { try store.make("c", .copy(of: "p")) }
        #expect(error?.kind == .unknownParent)
        #expect(error?.message.contains("p") == true)
        #expect(storeError { try store.make("c", .subtree(of: "p", path: "x")) }?.kind == .unknownParent)
        #expect(try site.names("init").isEmpty)
        try store.make("c")
    }

    @Test func layersThatHoldNothingAreNotKept() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("0")
        try store.write("0", "f", "0")
        for index in 1...20 {
            // Mounted for writing, but nothing is written.
            try store.make("\(index)", .copy(of: "\(index - 1)"))
            let user = VolumeUser.container("c")
            _ = try store.mount("\(index)", writable: true, unprivileged: false, user: user)
            store.release(user)
        }
        #expect(try store.make("last", .copy(of: "20")).stack.layers.count == 1)
        #expect(try store.read("last", "f") == "0")
    }

    @Test func fiftyCopiesOfCopies() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("0")
        for index in 0..<50 {
            try store.write("\(index)", "f\(index)", "\(index)")
            try store.make("\(index + 1)", .copy(of: "\(index)"), isPrivileged: index % 2 == 0)
        }
        #expect(store.find("50")?.stack.layers.count == 50)
        for index in 0..<50 { #expect(try store.read("50", "f\(index)") == "\(index)") }
        for index in 0..<50 { try store.destroy("\(index)") }
        #expect(try store.read("50", "f0") == "0")
    }

    @Test func importsAreIndependentAndOfASubtreeToo() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let source = try site.scratch.directory.make("source")
        try source.make("d").write("g", Array("host".utf8))
        try store.make("p", .tree(source, followsSymlinks: false))
        try source.open("d").write("g", [])
        try store.make("s", .subtree(of: "p", path: "/d"), isPrivileged: true)
        #expect(try store.read("s", "g") == "host")
        #expect(try store.status("s", "g").uid == 0)
        #expect(store.find("s")?.parent == "p")
        #expect(storeError { try store.make("t", .subtree(of: "p", path: "none")) }?.kind == .noSuchFile)
        try store.destroy("p")
        #expect(try store.read("s", "g") == "host")
    }

    @Test func anArchiveFillsALayerWithPlainOwners() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        struct Broken: Error {}
        let failed = storeError {
            try store.make(
                "a",
                .archive { tree in
                    try tree.root().write("half", [])
                    throw Broken()
                })
        }
        #expect(failed?.kind == .failed)
        #expect(try site.names("init").isEmpty)
        #expect(try site.layers.isEmpty)
        try store.make("a", .archive { try $0.root().write("f", Array("1".utf8)) })
        #expect(try store.read("a", "f") == "1")
        #expect(try store.status("a", "f").uid == root)
    }

    @Test func aCancelledImportLeavesNothing() async throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let source = try site.scratch.makeDirectories("source/sub")
        try Directory(source).write("file", [1])
        try store.make("parent", .tree(try Directory(source), followsSymlinks: false))
        for kind in 0..<3 {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                switch kind {
                case 0: try store.make("v", .tree(try Directory(source), followsSymlinks: false))
                case 1: try store.make("v", .subtree(of: "parent", path: "."))
                default: try store.make("v", .copy(of: "parent"), owner: (7, 7))
                }
            }
            task.cancel()
            let error = await #expect(throws: VolumeStoreError.self) { try await task.value }
            #expect(error?.cause?.errno == .cancelled)
            store.files.graveyard.waitUntilEmpty()
            #expect(try site.names("init").isEmpty)
            #expect(try site.layers == store.find("parent")?.stack.layers.map(\.id))
        }
        #expect(store.list().map(\.handle) == ["parent"])
    }

    @Test func usedVolumesStay() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("a")
        _ = try store.mount("a", writable: true, unprivileged: true, user: .container("job"))
        let error = storeError { try store.destroy("a") }
        #expect(error?.kind == .inUse)
        #expect(error?.message.contains("container job") == true)
        store.release(.container("job"))
        try store.destroy("a")
        #expect(storeError { try store.destroy("a") }?.kind == .unknown)
        #expect(store.find("a") == nil)
        try store.make("a")
        store.adopt("a", user: .container("job"), writable: false)
        #expect(storeError { try store.destroy("a") }?.kind == .inUse)
    }

    @Test func pathsAreResolvedInsideTheVolume() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("a")
        let user = VolumeUser.container("c")
        defer { store.release(user) }

        let whole = try store.mount("a", writable: true, unprivileged: false, user: user).root()
        try whole.make("d").write("f", Array("in".utf8))
        try whole.symlink("link", to: "/d")
        try whole.symlink("out", to: "/etc")
        let place = try #require(store.resolve(path: "\(store.path(of: "a"))//./link/../d"))
        #expect(place.handle == "a")
        let part = try store.mount("a", rest: place.rest, writable: false, unprivileged: false, user: user).root()
        #expect(try part.read("f", limit: 9) == Array("in".utf8))
        for rest in ["out", "none", "d/f/x"] {
            let error = storeError {
                try store.mount("a", rest: rest, writable: false, unprivileged: false, user: user)
            }
            #expect(error?.kind == .noSuchFile)
        }
        for path in ["/etc", site.path, "\(site.path)/live/a", "\(site.path)/live/a/other", "relative"] {
            #expect(store.resolve(path: path) == nil)
        }
        #expect(store.resolve(path: "\(site.path)/live/../volume")?.handle == nil)
    }

    @Test func whileAFileIsOpenForWritingTheLayerIsCopied() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("p")
        try store.write("p", "f", "before")
        // Nobody can say where this one has its mount.
        let user = VolumeUser.container("c")
        let tree = try store.mount("p", writable: true, unprivileged: false, user: user)
        let child = try store.make("c", .copy(of: "p"))
        try tree.root().write("f", Array("after".utf8))
        #expect(try store.read("c", "f") == "before")
        #expect(try store.read("p", "f") == "after")
        #expect(child.stack.layers[0].id != store.find("p")?.stack.layers[0].id)
        store.release(user)
    }

    @Test func littleRoomIsSaidEarly() throws {
        let site = try VolumeStoreSite { $0.reserve = .bytes(1 << 62) }
        let (store, _) = try site.start()
        let error = storeError { try store.make("a") }
        #expect(error?.kind == .noSpace)
        #expect(error?.message.contains("free") == true)
        #expect(store.list().isEmpty)
    }

    @Test func propertiesAreOnDiskBeforeTheAnswer() throws {
        let site = try VolumeStoreSite()
        var (store, _) = try site.start()
        try store.make("a")
        #expect(store.find("a")?.properties == nil)
        try store.setProperty("a", "k", to: "v")
        try store.setProperty("a", "l", to: "w")
        #expect(storeError { try store.setProperty("b", "k", to: "v") }?.kind == .unknown)
        store = try site.start().store
        #expect(store.find("a")?.properties == ["k": "v", "l": "w"])
    }
}
