import Kernel
import Storage
import TestSupport
import Testing

/// The fast way and the one for older kernels must give the same roots.
@Suite(.hostUnchanged) struct StorageImageTests {
    let scratch: Scratch
    let image: Directory
    let storage: Directory
    let mapping: IDMapping

    init() throws {
        scratch = try Scratch(in: "/dev/shm")
        image = try scratch.directory.make("image", mode: 0o751)
        storage = try scratch.directory.make("storage")
        mapping = IDMapping(userNamespace: SharedDescriptor(try UserNamespace().release()), name: "unprivileged")
        try image.write("file", Array("image".utf8))
        try image.make("directory").write("inner", [1])
        try image.write("owned", [])
        try image.chown("owned", uid: 1000, gid: 1001)
    }

    private func roots(disabled: String = "") throws -> ImageRoots {
        let features = try mapping.userNamespace.with { (namespace) throws(KernelError) in
            try Features.probe(userNamespace: namespace, workDirectory: storage, disabled: disabled)
        }
        try #require(features.missingRequired.isEmpty, "\(features.describe())")
        return try ImageRoots(storage: storage, features: features)
    }

    @Test(arguments: ["", "overlay-fd"]) func privilegedRootsShowOwnersAsTheyAre(disabled: String) throws {
        let roots = try roots(disabled: disabled)
        defer { roots.waitUntilDeleted() }
        let root = try roots.make("handle", image: "\(scratch.path)/image", mapping: nil)
        let directory = try root.root()
        #expect(try directory.status().uid == 0)
        #expect(try directory.status().mode == 0o751)
        #expect(try directory.status("owned").uid == 1000)
        try directory.write("file", Array("changed".utf8))
        #expect(try directory.read("file", limit: 64) == Array("changed".utf8))
        #expect(try image.read("file", limit: 64) == Array("image".utf8))
        try roots.remove("handle")
    }

    @Test(arguments: ["", "overlay-fd"]) func unprivilegedRootsShiftOwners(disabled: String) throws {
        let before = try MountTable().entries
        let roots = try roots(disabled: disabled)
        defer {
            try? roots.sweep(keeping: [])
            roots.waitUntilDeleted()
        }
        let first = try roots.make("first", image: "\(scratch.path)/image", mapping: mapping)
        let second = try roots.make("second", image: "\(scratch.path)/image/", mapping: mapping)
        let directory = try first.root()
        #expect(try directory.status().uid == UserNamespace.rootID)
        #expect(try directory.status().gid == UserNamespace.rootID)
        #expect(try directory.status().mode == 0o751)
        #expect(try directory.status("file").uid == UserNamespace.rootID)
        #expect(try directory.status("owned").uid == 1000)
        // A copied-up file keeps the owner it was shown with, and the layer stores that.
        try directory.append("file", [1])
        #expect(try directory.status("file").uid == UserNamespace.rootID)
        #expect(try storage.open("roots/first/upper").status("file").uid == UserNamespace.rootID)
        #expect(try second.root().read("file", limit: 64) == Array("image".utf8))
        // One attached lower serves both, and none is needed on newer kernels.
        let attached = try MountTable().entries.count - before.count
        #expect(attached == (disabled.isEmpty ? 0 : 1))
        try roots.sweep(keeping: ["first", "second"])
        #expect(try MountTable().entries == before)
        #expect(try directory.read("owned", limit: 1) == [])
    }

    @Test func reopensWithItsChanges() throws {
        let roots = try roots()
        defer { roots.waitUntilDeleted() }
        do {
            let root = try roots.make("handle", image: "\(scratch.path)/image", mapping: mapping)
            try root.root().write("new", [7])
        }
        let root = try roots.reopen("handle", image: "\(scratch.path)/image", mapping: mapping)
        #expect(try root.root().read("new", limit: 1) == [7])
        #expect(try root.root().status().uid == UserNamespace.rootID)
    }

    /// What the attempt needs is made anew each time, whatever a failed one has left or has not made any more.
    @Test func aFailedReopeningCanBeRepeated() throws {
        let whole = try roots()
        defer { whole.waitUntilDeleted() }
        do {
            let root = try whole.make("handle", image: "\(scratch.path)/image", mapping: mapping)
            try root.root().write("new", [7])
        }
        // It ends before the overlay's own directories are made.
        let lesser = try roots(disabled: "idmap")
        defer { lesser.waitUntilDeleted() }
        for _ in 0..<2 {
            let error = kernelError {
                try lesser.reopen("handle", image: "\(scratch.path)/image", mapping: mapping)
            }
            #expect(error?.errno == .notSupported, "\(error as Any)")
        }
        let root = try whole.reopen("handle", image: "\(scratch.path)/image", mapping: mapping)
        #expect(try root.root().read("new", limit: 1) == [7])
    }

    @Test func refusesWhatIsNoImage() throws {
        let roots = try roots()
        defer { roots.waitUntilDeleted() }
        try scratch.directory.symlink("link", to: "image")
        let wrong: [(String, ErrorNumber)] = [
            ("missing", .noEntry), ("image/file", .notDirectory), ("link", .tooManyLinks), ("link/", .tooManyLinks),
        ]
        for (name, errno) in wrong {
            let error = kernelError { try roots.make("handle", image: "\(scratch.path)/\(name)", mapping: nil) }
            #expect(error?.errno == errno)
            #expect(error?.subject?.hasPrefix("\(scratch.path)/") == true)
        }
        #expect(kernelError { try roots.make("handle", image: "image", mapping: nil) }?.errno == .invalid)
        #expect(try !roots.exists("handle"))
        for handle in ["", ".", "..", "a/b"] {
            #expect(kernelError { try roots.make(handle, image: "\(scratch.path)/image", mapping: nil) } != nil)
        }
        _ = try roots.make("handle", image: "\(scratch.path)/image", mapping: nil)
        let taken = kernelError { try roots.make("handle", image: "\(scratch.path)/image", mapping: nil) }
        #expect(taken?.errno == .exists)
        #expect(try roots.exists("handle"))
    }

    @Test func failsClearlyWithoutMappedMounts() throws {
        let roots = try roots(disabled: "idmap")
        defer { roots.waitUntilDeleted() }
        let error = kernelError { try roots.make("handle", image: "\(scratch.path)/image", mapping: mapping) }
        #expect(error?.errno == .notSupported)
        #expect(error?.subject?.contains("id-mapped") == true)
        #expect(try !roots.exists("handle"))
        _ = try roots.make("handle", image: "\(scratch.path)/image", mapping: nil)
    }

    @Test func deletesInTheBackgroundAndGoesOnAtTheStart() throws {
        let dead = try storage.make("dead")
        try dead.make("left").make("over").write("file", [1])
        let roots = try roots()
        let root = try roots.make("handle", image: "\(scratch.path)/image", mapping: nil)
        try root.root().write("file", [1])
        try roots.remove("handle")
        try roots.remove("handle")
        roots.waitUntilDeleted()
        #expect(try dead.isEmpty())
        #expect(try storage.open("roots").isEmpty())
    }

    @Test func rawRootsAreTheDirectoryItself() throws {
        let root = try RawRoot.mount("\(scratch.path)/image")
        try root.root().write("new", [1])
        #expect(try image.read("new", limit: 1) == [1])
        try scratch.directory.symlink("link", to: "image")
        #expect(try RawRoot.mount("\(scratch.path)/link").root().exists("new"))
        #expect(kernelError { try RawRoot.mount("\(scratch.path)/image/file") }?.errno == .notDirectory)
        let missing = kernelError { try RawRoot.mount("\(scratch.path)/missing") }
        #expect(missing?.description.contains("\(scratch.path)/missing") == true)
        #expect(kernelError { try RawRoot.mount("image") }?.errno == .invalid)
    }

    @Test func overlayOnOverlayIsRefused() throws {
        let roots = try roots()
        defer { roots.waitUntilDeleted() }
        let outer = try roots.make("outer", image: "\(scratch.path)/image", mapping: nil)
        let inner = try outer.root().make("storage")
        let features = try mapping.userNamespace.with { (namespace) throws(KernelError) in
            try Features.probe(userNamespace: namespace, workDirectory: inner)
        }
        #expect(features.missingRequired == [.overlay])
        #expect(try inner.space().kind == FileSystemSpace.overlay)
        #expect(try inner.isEmpty())
    }
}
