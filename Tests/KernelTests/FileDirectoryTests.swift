import Kernel
import TestSupport
import Testing

@Suite struct FileDirectoryTests {
    let scratch: Scratch
    var directory: Directory { scratch.directory }

    init() throws { scratch = try Scratch() }

    @Test func writesReadsAndAppends() throws {
        try directory.write("file", Array("one".utf8), mode: 0o640)
        #expect(try directory.status("file").mode == 0o640)
        try directory.write("file", Array("two".utf8), durable: true)
        try directory.append("file", Array(" three".utf8))
        #expect(try directory.read("file", limit: 9) == Array("two three".utf8))
        #expect(try directory.entries() == ["file"])
        #expect(kernelError { try directory.read("file", limit: 8) } != nil)
        #expect(try directory.readIfPresent("missing", limit: 8) == nil)
        try directory.write("empty", [])
        #expect(try directory.read("empty", limit: 0) == [])
    }

    @Test func readsLargeFiles() throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try directory.write("large", bytes)
        #expect(try directory.read("large", limit: 300_000) == bytes)
    }

    @Test func namesAreSingleComponents() throws {
        for name in ["", ".", "..", "a/b", "/", "a\0b", String(repeating: "x", count: 256)] {
            #expect(!PathName.isValid(name))
            #expect(kernelError { try directory.make(name) } != nil)
            #expect(kernelError { try directory.remove(name) } != nil)
            #expect(kernelError { try directory.removeTree(name) } != nil)
            #expect(kernelError { try directory.write(name, []) } != nil)
            #expect(kernelError { try directory.status(name) } != nil)
        }
        #expect(PathName.isValid(String(repeating: "x", count: 255)))
        #expect(PathName.isValid("…"))
    }

    @Test func errorsNameThePath() throws {
        let error = try #require(throws: KernelError.self) { try directory.open("missing") }
        #expect(error.errno == .noEntry)
        #expect(error.subject == "\(scratch.path)/missing")
    }

    @Test func opensBeneathWithoutLinks() throws {
        try directory.make("a").make("b")
        #expect(try directory.open("a/b").path == "\(scratch.path)/a/b")
        try directory.symlink("link", to: "a")
        #expect(try directory.readLink("link") == "a")
        #expect(kernelError { try directory.open("link") }?.errno == .tooManyLinks)
        #expect(kernelError { try directory.open("a/../../..") }?.errno == .crossDevice)
        #expect(kernelError { try directory.read("link", limit: 1) }?.errno == .tooManyLinks)
    }

    @Test func makeIgnoresTheUmask() throws {
        #expect(try directory.make("sticky", mode: 0o1777).status().mode == 0o1777)
        #expect(kernelError { try directory.make("sticky") }?.errno == .exists)
        #expect(try directory.makeIfMissing("sticky", mode: 0o700).status().mode == 0o1777)
        try directory.makeNode("fifo", .fifo, mode: 0o666)
        #expect(try directory.status("fifo").mode == 0o666)
    }

    @Test func readsOnlyRegularFiles() throws {
        // Without O_NONBLOCK this would wait for a writer for ever.
        try directory.makeNode("fifo", .fifo, mode: 0o666)
        #expect(kernelError { try directory.read("fifo", limit: 10) } != nil)
        #expect(kernelError { try directory.readInRoot("/fifo", limit: 10) } != nil)
        #expect(kernelError { try directory.append("fifo", [1]) } != nil)
        #expect(kernelError { try directory.readInRoot("/", limit: 10) } != nil)
    }

    @Test func renamesWithoutReplacing() throws {
        let other = try directory.make("other")
        try directory.write("a", [1])
        try directory.write("b", [2])
        let error = #expect(throws: KernelError.self) {
            try directory.rename("a", to: directory, "b", noReplace: true)
        }
        #expect(error?.errno == .exists)
        try directory.rename("a", to: other, "b", noReplace: true)
        try other.rename("b", to: directory, "b")
        #expect(try directory.read("b", limit: 1) == [1])
        #expect(try other.isEmpty())
    }

    @Test func resolvesInsideItsRoot() throws {
        let root = try directory.make("root")
        try root.make("etc").write("passwd", Array("inside".utf8))
        try root.symlink("absolute", to: "/etc/passwd")
        try root.symlink("up", to: "../../../../etc")
        #expect(try root.readInRoot("/absolute", limit: 64) == Array("inside".utf8))
        #expect(try root.readInRoot("up/passwd", limit: 64) == Array("inside".utf8))
        #expect(try root.readInRoot("../../etc/passwd", limit: 64) == Array("inside".utf8))
        #expect(kernelError { try root.openBeneath("absolute", .readOnly) } != nil)
        #expect(kernelError { try root.openBeneath("../root", .path) } != nil)
        _ = try root.openBeneath("etc/passwd", .readOnly)
    }

    @Test func makesDirectoriesInsideItsRoot() throws {
        let root = try directory.make("root")
        try root.make("real")
        try root.symlink("link", to: "/real")
        try root.symlink("out", to: "/../../elsewhere")
        let owner = try directory.status()
        let made = try root.makeDirectoriesInRoot("/link/a/b", mode: 0o750, uid: owner.uid, gid: owner.gid)
        #expect(try made.status().mode == 0o750)
        #expect(try root.open("real/a/b").status().inode == made.status().inode)
        #expect(throws: KernelError.self) {
            try root.makeDirectoriesInRoot("/out/x", mode: 0o755, uid: owner.uid, gid: owner.gid)
        }
        #expect(try directory.entries() == ["root"])
        _ = try root.makeDirectoriesInRoot("/", mode: 0o755, uid: owner.uid, gid: owner.gid)
        try root.write("file", [])
        #expect(throws: KernelError.self) {
            try root.makeDirectoriesInRoot("/file/x", mode: 0o755, uid: owner.uid, gid: owner.gid)
        }
    }

    @Test func listsManyEntries() throws {
        let many = try directory.make("many")
        for number in 0..<3000 { try many.symlink("entry-\(number)", to: "x") }
        #expect(try Set(many.entries()).count == 3000)
        try directory.removeTree("many")
        #expect(try !directory.exists("many"))
    }

    @Test func removesTreesWithoutFollowingLinks() throws {
        let kept = try directory.make("kept")
        try kept.write("file", [1])
        let tree = try directory.make("tree")
        try tree.symlink("link", to: "../kept")
        try tree.makeNode("fifo", .fifo, mode: 0)
        try tree.make("a").make("b").write("c", [1])
        try directory.removeTree("tree")
        try directory.removeTree("tree")
        #expect(try directory.entries() == ["kept"])
        #expect(try kept.entries() == ["file"])
        try directory.symlink("link", to: "kept")
        try directory.removeTree("link")
        #expect(try kept.entries() == ["file"])
    }

    @Test func removesTreesDeeperThanDescriptorsOrPaths() throws {
        var deepest = try directory.make("deep")
        // 255 bytes a level: the path is longer than any path the kernel takes, the depth more than the descriptors.
        let name = String(repeating: "d", count: 255)
        for level in 0..<300 {
            try deepest.write("file", [UInt8(level % 256)])
            deepest = try deepest.make(name)
        }
        try directory.removeTree("deep")
        #expect(try directory.isEmpty())
    }

    @Test func survivesNamesThatAreNotText() throws {
        try directory.make("odd")
        try makeFile(named: [0xff, 0xfe, 0x41], in: "\(scratch.path)/odd")
        try directory.open("odd").write("even", [])
        #expect(try directory.open("odd").entries() == ["even"])
        #expect(try !directory.open("odd").isEmpty())
        try directory.removeTree("odd")
        #expect(try directory.isEmpty())
    }

    @Test func tellsStatusAndSpace() throws {
        try directory.write("file", [1, 2, 3])
        let status = try directory.status("file")
        #expect(status.kind == .regular)
        #expect(status.size == 3)
        #expect(status.links == 1)
        #expect(try status.device == directory.status().device)
        #expect(try status.mountID == directory.status().mountID)
        #expect(try directory.space().bytesAvailable <= directory.space().bytes)
        #expect(try directory.status().kind == .directory)
    }
}
