import Kernel
import TestSupport
import Testing

@testable import Storage

/// Volumes at their paths, for servers of containers that know paths alone.
@Suite(.hostUnchanged) struct VolumeStoreAttachTests {
    private func site() throws -> VolumeStoreSite { try VolumeStoreSite { $0.attachesAtPath = true } }

    private func mounts(_ site: VolumeStoreSite) throws -> [String] {
        try MountTable().entries.map(\.point).filter { $0.hasPrefix("\(site.path)/live/") }.sorted()
    }

    @Test func whatIsWrittenAtThePathIsInTheVolume() throws {
        let site = try site()
        let (store, _) = try site.start()
        try store.make("p")
        let path = try Directory(store.path(of: "p"))
        #expect(try path.status().uid == UserNamespace.rootID)
        try path.write("f", Array("1".utf8))
        try store.make("c", .copy(of: "p"))
        try Directory(store.path(of: "p")).write("f", Array("2".utf8))
        try Directory(store.path(of: "c")).write("g", Array("3".utf8))
        #expect(try Directory(store.path(of: "c")).read("f", limit: 9) == Array("1".utf8))
        #expect(try Directory(store.path(of: "p")).read("f", limit: 9) == Array("2".utf8))
        try store.setPrivileged("c", to: true)
        #expect(try Directory(store.path(of: "c")).status().uid == 0)
        #expect(try Directory(store.path(of: "c")).read("g", limit: 9) == Array("3".utf8))
        #expect(try mounts(site).count == 2)
        try store.destroy("p")
        #expect(try mounts(site).count == 1)
        try store.release()
        #expect(try mounts(site).isEmpty)
    }

    @Test func aFileOpenForWritingIsNotLost() throws {
        let site = try site()
        let (store, _) = try site.start()
        try store.make("p")
        let path = try Directory(store.path(of: "p"))
        let file = try path.openFile("f", [.writeOnly, .create])
        try file.writeContents(Array("1".utf8), "f")
        try store.make("c", .copy(of: "p"))
        try file.writeContents(Array("2".utf8), "f")
        #expect(try path.read("f", limit: 9) == Array("12".utf8))
        #expect(try Directory(store.path(of: "c")).read("f", limit: 9) == Array("1".utf8))
    }

    @Test func aRestartAttachesOnce() throws {
        let site = try site()
        var store = try site.start().store
        for handle in ["a", "b"] { try store.make(handle) }
        try store.make("c", .copy(of: "a"))
        try Directory(store.path(of: "c")).write("f", [1])
        let before = try mounts(site)
        #expect(before.count == 3)
        // One was lost.
        try MountPoint(store.path(of: "b")).unmount()
        store = try site.start().store
        #expect(try mounts(site) == before)
        #expect(try Directory(store.path(of: "c")).read("f", limit: 9) == [1])
        try Directory(store.path(of: "b")).write("f", [])
        #expect(try store.read("b", "f") == "")
    }

    /// What is mounted at the path is taken for the volume's overlay when the namespace is gone.
    @Test func aLostNamespaceIsNoReasonForASecondOverlay() throws {
        let site = try site()
        var store = try site.start().store
        try store.make("p", .tree(try site.scratch.directory.make("source"), followsSymlinks: false))
        try store.make("c", .copy(of: "p"))
        let path = try Directory(store.path(of: "c"))
        try path.write("f", [1])
        try MountPoint("\(site.path)/namespace").unmount(detach: true)
        store = try site.start().store
        #expect(try Directory(store.path(of: "c")).status().device == path.status().device)
        #expect(try store.status("c").device == path.status().device)
        #expect(try store.read("c", "f") == "\u{1}")
        try store.destroy("c")
    }

    @Test func theProcessDiesBetweenAnyTwoSteps() throws {
        var hasFinished = false
        var steps = 0
        while !hasFinished {
            let site = try site()
            do {
                let (store, _) = try site.start()
                try store.make("p")
                try Directory(store.path(of: "p")).write("f", [1])
                site.dieAfter(steps)
                do {
                    try store.make("c", .copy(of: "p"))
                    try store.setPrivileged("c", to: true)
                    try store.destroy("c")
                    hasFinished = true
                } catch {}
            }
            let last = site.steps.last ?? "none"
            let (store, recovery) = try site.start()
            #expect(recovery.failures.isEmpty, "\(last): \(recovery.failures)")
            for record in store.list() {
                let contents = try Directory(store.path(of: record.handle)).readIfPresent("f", limit: 9)
                #expect(contents == [1], "\(last): \(record.handle)")
            }
            #expect(try mounts(site).count == store.list().count, "\(last)")
            steps += 1
        }
    }
}
