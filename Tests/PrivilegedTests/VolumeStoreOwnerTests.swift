import Kernel
import TestSupport
import Testing

@testable import Storage

/// Whom the files of volumes belong to, as containers see it.
@Suite(.hostUnchanged) struct VolumeStoreOwnerTests {
    let root = UserNamespace.rootID

    @Test func ownersFollowThePrivilege() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("one")
        try store.write("one", "f", "")
        try store.make("many", .copy(of: "one"), isPrivileged: true)
        try store.write("many", "g", "")
        for isPrivileged in [true, false, true] {
            try store.setPrivileged("one", to: isPrivileged)
            try store.setPrivileged("many", to: isPrivileged)
            #expect(store.find("one")?.isPrivileged == isPrivileged)
            let expected = isPrivileged ? 0 : root
            #expect(try store.status("one").uid == expected)
            #expect(try store.status("many").uid == expected)
            #expect(try store.status("many", "f").uid == expected)
            #expect(try store.status("many", "g").uid == expected)
            try store.write("many", "h\(isPrivileged)", "")
        }
        #expect(try store.inspect("many").layers.count <= 5)
    }

    @Test func everythingGetsItsOwner() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        let source = try site.scratch.directory.make("source", mode: 0o750)
        try source.write("f", [1])
        try source.make("d").write("g", [2])
        try store.make("p", .tree(source, followsSymlinks: false))
        #expect(try store.status("p").mode == 0o750)
        #expect(try store.status("p", "f").uid == root)
        try store.make("c", .copy(of: "p"), owner: (5, 0))
        for name in ["f", "d"] {
            let status = try store.status("c", name)
            #expect(status.uid == 5 && status.gid == root)
        }
        #expect(try store.status("p", "f").uid == root)
    }

    @Test func withoutUserNamespacesEverythingIsPlain() throws {
        let site = try VolumeStoreSite { $0.userNamespaces = false }
        let (store, _) = try site.start()
        try store.make("a")
        try store.write("a", "f", "")
        #expect(try store.status("a", "f").uid == 0)
        #expect(store.find("a")?.isPrivileged == false)
        try store.setPrivileged("a", to: true)
        #expect(store.find("a")?.isPrivileged == true)
    }

    @Test func withoutMappedMountsOwnersAreRewritten() throws {
        let site = try VolumeStoreSite(disabled: "idmap")
        let (store, _) = try site.start()
        let source = try site.scratch.directory.make("source")
        try source.write("f", Array("1".utf8))
        try store.make("p", .tree(source, followsSymlinks: false))
        #expect(try store.status("p", "f").uid == root)
        try store.make("c", .copy(of: "p"), isPrivileged: true)
        #expect(try store.status("c", "f").uid == 0)
        #expect(try store.status("p", "f").uid == root)
        try store.setPrivileged("p", to: true)
        #expect(try store.status("p", "f").uid == 0)
        try store.write("c", "g", "")
        try store.setPrivileged("c", to: false)
        #expect(try store.status("c", "f").uid == root)
        #expect(try store.read("c", "f") == "1")
    }

    @Test func aChangedRootIsKept() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.make("p", owner: (1000, 1001))
        #expect(store.find("p")?.stack.layers.count == 1)
        let child = try store.make("c", .copy(of: "p"))
        #expect(child.stack.layers.count == 1)
        let status = try store.status("c")
        #expect(status.uid == 1000 && status.gid == 1001 && status.mode == 0o755)
        try store.write("c", "f", "")
        #expect(try store.status("c").uid == 1000)
    }
}
