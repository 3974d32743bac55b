import Kernel
import Storage
import TestSupport
import Testing

/// The fast ways and those for older kernels must show the same volumes.
@Suite(.hostUnchanged) struct VolumeMountsTests {
    let site: VolumeMountsSite

    init() throws { site = try VolumeMountsSite() }

    private static let ways = ["", "overlay-fd"]

    @Test(arguments: ways, Owners.allCases) func oneLayerIsShownWithoutAnOverlay(disabled: String, view: Owners) throws
    {
        let mounts = try site.open(disabled: disabled)
        for owners in Owners.allCases {
            let layer = try site.layer(owners == .plain ? 1 : 2, owners, files: ["file"])
            try site.files(layer).chown("file", uid: 1000, gid: 1001)
            let stack = LayerStack(layers: [layer], owners: view)
            let root = try mounts.open("handle", stack, writable: true, unprivileged: true).root()
            #expect(try root.space().kind != FileSystemSpace.overlay)
            #expect(try root.status().uid == site.maps.onDisk(0, view))
            #expect(try root.status("file").uid == 1000)
            #expect(try root.status("file").gid == 1001)
            // Writable, and what is the root of the view is that of the layer on the disk.
            let shown = site.maps.onDisk(0, view)
            try root.chown("file", uid: shown, gid: shown)
            #expect(try root.status("file").uid == shown)
            #expect(try site.files(layer).status("file").uid == site.maps.onDisk(0, owners))
        }
        try site.end(mounts)
    }

    @Test(arguments: ways, Owners.allCases) func layersOfAnyOwnersAreShownAsOne(disabled: String, view: Owners) throws {
        for count in [2, 3, 50] {
            let numbers = (0..<count).map { count * 100 + $0 }
            let layers = try numbers.map { number in
                // The top layer has the view's owners, those beneath any.
                let owners: Owners = number == numbers[0] ? view : number % 2 == 0 ? .plain : .shifted
                return try site.layer(number, owners, files: ["shared", "only-\(number)"])
            }
            let mounts = try site.open(disabled: disabled)
            let stack = LayerStack(layers: layers, owners: view)
            let root = try mounts.open("handle", stack, writable: true, unprivileged: true).root()
            #expect(try root.space().kind == FileSystemSpace.overlay)
            #expect(try root.entries().count == count + 1)
            #expect(try root.read("shared", limit: 64) == VolumeMountsSite.contents("shared", numbers[0]))
            let shown = site.maps.onDisk(0, view)
            for number in numbers {
                let name = "only-\(number)"
                #expect(try root.read(name, limit: 64) == VolumeMountsSite.contents(name, number))
                #expect(try root.status(name).uid == shown)
                #expect(try root.status(name).gid == shown)
            }
            let last = "only-\(numbers[count - 1])"
            try root.append(last, [33])
            #expect(try root.status(last).uid == shown)
            // What was copied up is stored with the owner that it was shown with.
            #expect(try site.files(layers[0]).status(last).uid == shown)
            #expect(try site.files(layers[count - 1]).read(last, limit: 64).last != 33)
            try site.end(mounts)
        }
    }

    @Test(arguments: ways) func sealedLayersCanBeReadBeneathOthers(disabled: String) throws {
        let mounts = try site.open(disabled: disabled)
        let bottom = try site.layer(1, .plain, files: ["deleted", "changed", "kept"])
        try site.files(bottom).make("directory").write("inner", [5])
        let middle = try site.layer(2, .shifted)
        let first = LayerStack(layers: [middle, bottom], owners: .shifted)
        do {
            let root = try mounts.open("first", first, writable: true, unprivileged: true).root()
            try root.remove("deleted")
            try root.rename("directory", to: root, "renamed")
            // Owner alone: no contents are copied.
            try root.chown("changed", uid: 7, gid: 8)
            try root.write("new", [6])
        }
        #expect(try mounts.freeze("first", first, processes: []) == .frozen)

        let top = try site.layer(3, .plain)
        let second = LayerStack(layers: [top, middle, bottom], owners: .plain)
        let sealed = LayerStack(layers: [middle, bottom], owners: .plain, isSealed: true)
        for (handle, stack) in [("second", second), ("third", sealed)] {
            let root = try mounts.open(
                handle, stack, writable: stack.writable != nil, unprivileged: false
            ).root()
            #expect(try root.entries().sorted() == ["changed", "kept", "new", "renamed"])
            #expect(try root.open("renamed").read("inner", limit: 1) == [5])
            #expect(try root.read("changed", limit: 64) == VolumeMountsSite.contents("changed", 1))
            #expect(try root.status("changed").uid == 7)
            #expect(try root.status("kept").uid == 0)
            #expect(try root.status().uid == 0)
        }
        try site.end(mounts)
    }

    @Test(arguments: ways) func aVolumeIsOneFileSystemForAll(disabled: String) throws {
        let mounts = try site.open(disabled: disabled)
        let stack = LayerStack(layers: [try site.layer(1, .plain), try site.layer(2, .plain)], owners: .plain)
        let first = try mounts.open("handle", stack, writable: true, unprivileged: false).root()
        let second = try mounts.open("handle", stack, writable: false, unprivileged: false).root()
        try first.write("file", [1])
        #expect(try second.read("file", limit: 1) == [1])
        #expect(try first.status().device == second.status().device)
        #expect(kernelError { try second.write("x", []) }?.errno == .readOnlyFileSystem)
        try site.end(mounts)
    }

    /// Older kernels cannot copy a part of a detached mount.
    @Test(arguments: ways) func aPathInsideIsShownAlone(disabled: String) throws {
        let mounts = try site.open(disabled: disabled)
        let layers = [try site.layer(1, .shifted), try site.layer(2, .plain, files: ["file"])]
        try site.files(layers[1]).make("a").make("b").write("inner", [9])
        try site.files(layers[1]).symlink("out", to: "/a/b")
        try site.files(layers[1]).symlink("up", to: "../../../../..")
        for layers in [layers, [layers[1]]] {
            let stack = LayerStack(layers: layers, owners: .shifted)
            func open(_ rest: String) throws -> MountTree {
                try mounts.open("handle-\(layers.count)", stack, rest: rest, writable: true, unprivileged: true)
            }
            #expect(try open("a/b").root().read("inner", limit: 1) == [9])
            #expect(try open("out").root().read("inner", limit: 1) == [9])
            #expect(try open("up").root().exists("out"))
            #expect(try open("file").descriptor.status().kind == .regular)
            #expect(kernelError { _ = try open("missing") }?.errno == .noEntry)
        }
        try site.end(mounts)
    }

    @Test func whatCannotBeShownIsRefused() throws {
        let mounts = try site.open(disabled: "idmap")
        let (plain, shifted) = (try site.layer(1, .plain), try site.layer(2, .shifted))
        func failure(_ layers: [Layer], isSealed: Bool = false) -> ErrorNumber? {
            let stack = LayerStack(layers: layers, owners: .plain, isSealed: isSealed)
            return kernelError { _ = try mounts.open("handle", stack, writable: true, unprivileged: true) }?.errno
        }
        #expect(failure([plain]) == nil)
        #expect(failure([shifted]) == .notSupported)
        #expect(failure([plain, shifted]) == .notSupported)
        #expect(failure([shifted, plain]) == .invalid)
        #expect(failure([plain], isSealed: true) == .readOnlyFileSystem)
        #expect(failure([Layer(id: "../x", owners: .plain)]) == .invalid)
        try site.end(mounts)
    }

    @Test func anEmptyVolumeIsAnEmptyDirectory() throws {
        let mounts = try site.open()
        let stack = LayerStack(owners: .shifted, isSealed: true)
        let root = try mounts.open("handle", stack, writable: false, unprivileged: true).root()
        #expect(try root.isEmpty())
        #expect(try root.status().uid == VolumeMountsSite.root)
        #expect(kernelError { try root.write("x", []) }?.errno == .readOnlyFileSystem)
        try site.end(mounts)
    }

    @Test func deepStacksWorkBothWays() throws {
        let layers = try (1...400).map { try site.layer($0, $0 % 3 == 0 ? .shifted : .plain, files: ["only-\($0)"]) }
        let stack = LayerStack(layers: layers, owners: .plain)
        if try site.features().has(.overlayDescriptors) {
            let mounts = try site.open()
            let root = try mounts.open("handle", stack, writable: true, unprivileged: false).root()
            #expect(try root.entries().count == 400)
            try site.end(mounts)
        }
        let older = try site.open(disabled: "overlay-fd")
        let tooMany = kernelError { _ = try older.open("handle", stack, writable: true, unprivileged: false) }
        #expect(tooMany?.errno == .tooBig)
        #expect(tooMany?.description.contains("400 layers") == true)
        let fewer = LayerStack(layers: Array(layers.prefix(60)), owners: .plain)
        let shown = try older.open("handle", fewer, writable: true, unprivileged: false).root()
        #expect(try shown.entries().count == 60)
        try site.end(older)
    }
}
