import ArgumentParser
import Kernel
import Storage
import TestSupport
import Testing

@testable import apron

/// What is shown of volumes on a disk.
@Suite struct VolumesCommandTests {
    let scratch: Scratch

    /// A work directory as a worker leaves it: `base` with a layer, `copy` of it with one more, `new` without any, and a
    /// container that uses `copy`.
    init() throws {
        scratch = try Scratch()
        let (first, second) = (String(repeating: "a", count: 16), String(repeating: "b", count: 16))
        for (layer, bytes) in [(first, 8192), (second, 4096)] {
            let path = try scratch.makeDirectories("volumes/layers/\(layer)/files/directory")
            try Directory(path).write("file", [UInt8](repeating: 1, count: bytes))
        }
        let (lower, upper) = (Layer(id: first, owners: .plain), Layer(id: second, owners: .shifted))
        try record("base", LayerStack(layers: [lower], owners: .plain, isSealed: true), parent: nil)
        try record("copy", LayerStack(layers: [upper, lower], owners: .shifted), parent: "base")
        try record("new", LayerStack(owners: .shifted), parent: nil)
        try scratch.makeDirectories("volumes/live/broken")
        try Directory("\(scratch.path)/volumes/live/broken").write("volume.json", Array("{".utf8))
        let container = try Directory(try scratch.makeDirectories("containers/live/c1"))
        let source = "\(scratch.path)/volumes/live/copy/volume/sub"
        try container.write(
            "container.json",
            Array(
                """
                {"format":1,"handle":"c1","created":1,"request":{"rootfs":"","bindMounts":[{"source":"\(source)",\
                "destination":"/x","writable":true}],"properties":{},"environment":[],"privileged":false,\
                "limits":{"sharesGivenAsWeight":false},"network":true,"graceTime":0}}
                """.utf8))
    }

    private func record(_ handle: String, _ stack: LayerStack, parent: String?) throws {
        let layers = stack.layers.map { #"{"id":"\#($0.id)","owners":"\#($0.owners.rawValue)"}"# }
        let text = """
            {"format":1,"handle":"\(handle)","created":1000,"isPrivileged":\(stack.owners == .plain),"strategy":"\
            \(parent == nil ? "empty" : "cow")",\(parent.map { "\"parent\":\"\($0)\"," } ?? "")"properties":{"k":"v"},\
            "stack":{"layers":[\(layers.joined(separator: ","))],"owners":"\(stack.owners.rawValue)",\
            "isSealed":\(stack.isSealed)}}
            """
        let directory = try Directory(try scratch.makeDirectories("volumes/live/\(handle)"))
        try directory.write("volume.json", Array(text.utf8))
    }

    private func overviews(_ arguments: String...) throws -> [VolumeOverview] {
        try VolumePlace.parse(["--work-dir", scratch.path] + arguments).read(environment: [:])
    }

    @Test func volumesAreCountedWithTheirOwnBytes() throws {
        let volumes = try overviews()
        #expect(volumes.map(\.handle) == ["base", "copy", "new"])
        let (base, copy, new) = (volumes[0], volumes[1], volumes[2])
        #expect(base.ownBytes == 0)
        #expect(base.bytes >= 8192)
        #expect(base.children == ["copy"])
        #expect(base.containers == [])
        #expect(copy.ownBytes >= 4096 && copy.ownBytes < copy.bytes)
        #expect(copy.layers.map(\.volumes) == [1, 2])
        #expect(copy.layers.map(\.files) == [2, 2])
        #expect(copy.containers == ["c1"])
        #expect(copy.path == "\(scratch.path)/volumes/live/copy/volume")
        #expect(new.layers.isEmpty && new.bytes == 0)
    }

    @Test func theTableHasALineForEach() throws {
        let lines = VolumeTable.text(try overviews()).split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines[0].hasPrefix("HANDLE  AGE"))
        #expect(lines[1].contains("privileged") && !lines[1].contains("unprivileged"))
        #expect(lines[2].contains("cow") && lines[2].contains("c1"))
        let details = VolumeTable.details(try overviews()[1])
        #expect(details.contains("cow of base"))
        #expect(details.contains("bbbbbbbbbbbbbbbb  shifted  2 files"))
        #expect(details.contains("k=v"))
        #expect(VolumeTable.details(try overviews()[2]).contains("none: nobody has written to it"))
    }

    @Test func jsonIsForPrograms() throws {
        let text = try VolumeTable.json(try overviews("--json"))
        #expect(text.contains("\"handle\" : \"copy\""))
        #expect(text.contains("\"ownBytes\" : "))
    }

    @Test func agesAreShort() {
        #expect(VolumeTable.age(0) == "0s")
        #expect(VolumeTable.age(119) == "119s")
        #expect(VolumeTable.age(120) == "2m")
        #expect(VolumeTable.age(7200) == "2h")
        #expect(VolumeTable.age(86400 * 3) == "3d")
    }

    @Test func handlesMayBeShortened() throws {
        #expect(try InspectVolume.select("ab", in: ["abc", "b"]) == "abc")
        #expect(try InspectVolume.select("ab", in: ["abc", "ab"]) == "ab")
        #expect(try InspectVolume.select("x", in: ["abc"]) == nil)
        #expect(throws: UsageError.self) { try InspectVolume.select("a", in: ["ab", "ac"]) }
    }

    @Test func nothingIsMadeByLooking() throws {
        let empty = try Scratch()
        let error = #expect(throws: KernelError.self) {
            try VolumePlace.parse(["--work-dir", empty.path]).read(environment: [:])
        }
        #expect(error?.errno == .noEntry)
        #expect(try empty.directory.isEmpty())
        #expect(throws: UsageError.self) { try VolumePlace.parse([]).read(environment: [:]) }
    }
}
