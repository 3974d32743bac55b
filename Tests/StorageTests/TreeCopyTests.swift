import Kernel
import TestSupport
import Testing

@testable import Storage

/// What a copy of a tree keeps, as far as it takes no privileges.
@Suite struct TreeCopyTests {
    let scratch: Scratch
    let source: Directory
    let target: Directory

    init() throws {
        scratch = try Scratch()
        source = try scratch.directory.make("source", mode: 0o750)
        target = try scratch.directory.make("target")
    }

    @discardableResult
    private func copy(_ change: (inout TreeCopy.Options) -> Void = { _ in }) throws -> TreeCount {
        var options = TreeCopy.Options()
        change(&options)
        return try TreeCopy.copy(source, into: target, options: options)
    }

    @Test func keepsContentsModesAndTimes() throws {
        try source.make("directory", mode: 0o1711).write("file", Array("text".utf8), mode: 0o640)
        try source.write("empty", [])
        try source.symlink("link", to: "../nowhere at all")
        try source.makeNode("fifo", .fifo, mode: 0o622)
        for path in ["source/directory/file", "source/directory", "source"] {
            try runProgram("touch", "-d", "2001-02-03 04:05:06.789012345", "\(scratch.path)/\(path)")
        }
        try runProgram("touch", "-h", "-d", "1969-12-31 23:59:58.5 UTC", "\(scratch.path)/source/link")
        let count = try copy()
        #expect(count.files == 5)
        #expect(count.bytes == 4)
        #expect(count.vanished + count.leftOut + count.attributesLost == 0)

        let directory = try target.open("directory")
        #expect(try directory.read("file", limit: 10) == Array("text".utf8))
        #expect(try target.read("empty", limit: 10) == [])
        #expect(try target.readLink("link") == "../nowhere at all")
        for (old, new) in [
            (try source.status(), try target.status()),
            (try source.status("directory"), try target.status("directory")),
            (try source.open("directory").status("file"), try directory.status("file")),
            (try source.status("fifo"), try target.status("fifo")),
            (try source.status("link"), try target.status("link")),
        ] {
            #expect(new.kind == old.kind)
            #expect(new.mode == old.mode)
            #expect(new.modified == old.modified)
            #expect(new.uid == old.uid)
            #expect(new.gid == old.gid)
        }
        #expect(try target.status("link").modified == -1_500_000_000)
        #expect(try target.status().modified % 1_000_000_000 == 789_012_345)
    }

    @Test func keepsHardLinksWithinTheTree() throws {
        let far = try source.make("a").make("b")
        try source.write("one", [1])
        try runProgram("ln", "\(scratch.path)/source/one", "\(far.path)/two")
        try runProgram("ln", "\(scratch.path)/source/one", "\(scratch.path)/outside")
        try runProgram("ln", "-s", "text", "\(scratch.path)/source/link")
        try runProgram("ln", "-P", "\(scratch.path)/source/link", "\(far.path)/same link")
        let count = try copy()
        #expect(count.bytes == 1)
        let copied = try target.open("a/b")
        #expect(try target.status("one").inode == copied.status("two").inode)
        #expect(try target.status("one").links == 2)
        #expect(try target.status("link").inode == copied.status("same link").inode)
    }

    @Test func keepsHoles() throws {
        let megabyte: UInt64 = 1 << 20
        try runProgram("truncate", "-s", "64M", "\(source.path)/sparse")
        try runProgram(
            "sh", "-c", "printf middle | dd of='\(source.path)/sparse' bs=1M seek=32 conv=notrunc 2>/dev/null")
        try copy()
        let (old, new) = (try source.status("sparse"), try target.status("sparse"))
        #expect(new.size == 64 * megabyte)
        #expect(new.allocated <= max(old.allocated, megabyte))
        #expect(try runProgram("cmp", "\(source.path)/sparse", "\(target.path)/sparse") == "")
    }

    @Test func keepsLargeContents() throws {
        let bytes = (0..<20_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
        try source.write("large", bytes)
        let count = try copy()
        #expect(count.bytes == 20_000_000)
        #expect(try target.read("large", limit: 20_000_000) == bytes)
    }

    @Test func copiesBetweenFileSystems() throws {
        let memory = try Scratch(in: "/dev/shm")
        try source.make("directory").write("file", [UInt8](repeating: 7, count: 300_000))
        let count = try TreeCopy.copy(source, into: memory.directory)
        #expect(count.bytes == 300_000)
        #expect(try memory.directory.open("directory").read("file", limit: 400_000).count == 300_000)
    }

    @Test func namesMayBeAnyBytes() throws {
        let directory = "\"$(printf '\(source.path)/d\\377')\""
        try runProgram("sh", "-c", "mkdir -p \(directory) && cd \(directory) && : > \"$(printf 'f\\001\\377 ')\"")
        #expect(try copy().files == 2)
        let odd = "cd '\(target.path)' && find . -print0 | LC_ALL=C tr -cd '\\377' | wc -c | tr -d ' \\n'"
        #expect(try runProgram("sh", "-c", odd) == "3")
    }

    @Test func depthDoesNotMatter() throws {
        // Longer than PATH_MAX, and many more directories than a process may have open.
        let levels = 1500
        try source.write("first", [])
        var deepest = source
        for _ in 0..<levels { deepest = try deepest.make("deeper") }
        try deepest.write("last", [])
        let count = try copy()
        #expect(count.files == UInt64(levels) + 2)
        let read = try TreeCount.of(target)
        #expect(read.files == count.files)
    }

    @Test func socketsAndWhiteoutsAreLeftOut() throws {
        let script = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
        try runProgram("python3", "-c", script, "\(source.path)/socket")
        try source.write("file", [])
        let count = try copy()
        #expect(count.files == 1)
        #expect(count.leftOut == 1)
        #expect(try target.entries() == ["file"])
    }

    @Test func takenNamesAreRefused() throws {
        try source.write("file", [])
        try target.write("file", [9])
        #expect(kernelError { try copy() }?.errno == .exists)
        #expect(try target.read("file", limit: 1) == [9])
    }

    @Test func aCopyCanBeCancelled() throws {
        for index in 0..<10 { try source.write("\(index)", []) }
        var asked = 0
        let error = kernelError {
            try TreeCopy.copy(source, into: target) {
                asked += 1
                return asked > 5
            }
        }
        #expect(error?.errno == .cancelled)
        #expect(try target.entries().count < 10)
    }

    // MARK: Links that are followed

    @Test func linksAreFollowed() throws {
        let outside = try scratch.directory.make("outside")
        try outside.write("file", Array("outside".utf8), mode: 0o4640)
        try source.symlink("absolute", to: "\(outside.path)/file")
        try source.symlink("directory", to: "../outside")
        try source.symlink("dangling", to: "nowhere")
        let count = try copy { $0.followsSymlinks = true }
        #expect(count.leftOut == 1)
        #expect(try target.read("absolute", limit: 9) == Array("outside".utf8))
        #expect(try target.status("absolute").mode == 0o640)
        #expect(try target.open("directory").read("file", limit: 9) == Array("outside".utf8))
    }

    @Test func linksCanBeKeptInside() throws {
        try scratch.directory.make("outside").write("secret", Array("outside".utf8))
        try source.symlink("up", to: "../outside/secret")
        try source.symlink("absolute", to: "\(scratch.path)/outside/secret")
        try source.symlink("inside", to: "/file")
        try source.write("file", Array("inside".utf8))
        let count = try copy {
            $0.followsSymlinks = true
            $0.keepsLinksInside = true
        }
        #expect(count.leftOut == 2)
        #expect(try target.entries().sorted() == ["file", "inside"])
        #expect(try target.read("inside", limit: 9) == Array("inside".utf8))
    }

    @Test func cyclesOfLinksAreRefused() throws {
        try source.make("a").symlink("up", to: "..")
        #expect(kernelError { try copy { $0.followsSymlinks = true } }?.errno == .tooManyLinks)
    }

    // MARK: Others at work in the tree

    @Test func aTreeThatVanishesIsNoFailure() async throws {
        let (path, copies) = (source.path, 20)
        for index in 0..<200 { try source.make("d\(index)").write("file", [1]) }
        let remover = Task.detached { try runProgram("sh", "-c", "rm -rf '\(path)'/d*") }
        for index in 0..<copies {
            _ = try TreeCopy.copy(source, into: try scratch.directory.make("target\(index)"))
        }
        _ = try await remover.value
    }
}
