import Kernel
import TestSupport
import Testing

@testable import Storage

/// What a start makes of what it finds.
@Suite(.hostUnchanged) struct VolumeStoreRecoveryTests {
    @Test func everythingIsThereAgain() throws {
        let site = try VolumeStoreSite()
        var (store, _) = try site.start()
        try store.make("p", properties: ["k": "v"])
        try store.write("p", "f", "1")
        try store.make("c", .copy(of: "p"), isPrivileged: true)
        try store.write("c", "f", "2")
        let before = store.list()
        let (next, recovery) = try site.start()
        store = next
        #expect(recovery.adopted == before)
        #expect(store.list() == before)
        #expect(try store.read("p", "f") == "1")
        #expect(try store.read("c", "f") == "2")
        try store.write("c", "g", "3")
        #expect(try site.start().store.read("c", "g") == "3")
    }

    @Test func writtenVolumesOfAnotherBootAreGivenUpUnlessSynchronized() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        for handle in ["clean", "dirty", "untouched"] { try store.make(handle) }
        try store.write("clean", "f", "1")
        let user = VolumeUser.container("job")
        let open = try store.mount("dirty", writable: true, unprivileged: false, user: user)
        try store.synchronize()
        // Somebody may still write to this one.
        #expect(store.find("dirty")?.writtenSince == "boot-1")
        #expect(store.find("clean")?.writtenSince == nil)
        try store.make("child", .copy(of: "dirty"))
        try open.root().write("f", [])
        store.release(user)
        let (next, recovery) = try site.start("boot-2")
        #expect(next.list().map(\.handle) == ["clean", "untouched"])
        #expect(recovery.givenUp.map(\.handle) == ["child", "dirty"])
        #expect(recovery.givenUp.first?.reason.contains("boot-1") == true)
        #expect(try next.read("clean", "f") == "1")
        #expect(try site.layers.count == 1)
        try next.make("dirty")
    }

    @Test(arguments: [
        "", "garbage", "{\"format\":1}", "{\"format\":99,\"handle\":\"a\"}", "[]", String(repeating: "\0", count: 300),
    ])
    func damagedRecordsAreKeptAside(text: String) throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        for handle in ["a", "b"] {
            try store.make(handle)
            try store.write(handle, "f", handle)
        }
        let layers = try site.layers
        try store.files.live.open("a").write("volume.json", Array(text.utf8))
        let (next, recovery) = try site.start()
        #expect(recovery.failures.map(\.handle) == ["a"])
        #expect(recovery.failures[0].reason.contains("damaged"))
        #expect(next.list().map(\.handle) == ["b"])
        #expect(try site.names("damaged") == ["a"])
        #expect(try next.read("b", "f") == "b")
        try next.make("a")
        next.files.graveyard.waitUntilEmpty()
        // What the record would have named is not known, so nothing is deleted while it is there.
        let isUnknown = !text.contains("}")
        #expect(try !isUnknown || site.layers == layers)
        try Directory(site.path).open("damaged").removeTree("a")
        try next.cleanUpOrphans()
        #expect(try site.layers.count == 1)
    }

    @Test func recordsThatContradictAreKeptAside() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        for handle in ["twice", "missing", "other", "path", "link", "shared", "sharing"] {
            try store.make(handle)
            try store.write(handle, "f", handle)
        }
        func rewrite(_ handle: String, _ change: (inout VolumeRecord) -> Void) throws {
            var record = try #require(store.find(handle))
            change(&record)
            try store.files.live.open(handle).write("volume.json", try record.encoded())
        }
        try rewrite("twice") { $0.stack.layers += $0.stack.layers }
        try rewrite("missing") { $0.stack.layers[0] = Layer(id: "0123456789abcdef", owners: .plain) }
        try rewrite("other") { $0.handle = "another" }
        try rewrite("path") { $0.stack.layers[0] = Layer(id: "../../../../tmp", owners: .plain) }
        try store.files.live.removeTree("link")
        try store.files.live.symlink("link", to: "/etc")
        // Two volumes with one layer, of which neither says that it takes no changes any more.
        let layers = store.find("shared")?.stack.layers ?? []
        try rewrite("sharing") { $0.stack.layers = layers }
        let (next, recovery) = try site.start()
        #expect(recovery.failures.map(\.handle).sorted() == ["link", "missing", "other", "path", "twice"])
        #expect(next.list().map(\.handle) == ["shared", "sharing"])
        try next.write("shared", "f", "1")
        #expect(try next.read("sharing", "f") == "shared")
        let again = try site.start()
        #expect(again.recovery.failures.isEmpty)
        #expect(try again.store.read("shared", "f") == "1")
    }

    @Test func whatWasBeingMadeIsUndone() throws {
        let site = try VolumeStoreSite()
        let (store, _) = try site.start()
        try store.files.initial.make("half").make("volume")
        try store.files.layers.make("0123456789abcdef").make("files")
        try store.files.live.makeIfMissing("empty").make("volume")
        let (next, recovery) = try site.start()
        #expect(recovery.undone == ["half"])
        #expect(recovery.failures.map(\.handle) == ["empty"])
        try Directory(site.path).open("damaged").removeTree("empty")
        try next.cleanUpOrphans()
        next.files.graveyard.waitUntilEmpty()
        #expect(try site.layers.isEmpty)
        #expect(try site.names("init").isEmpty)
        try next.make("half")
    }

    /// The next start finishes what the one before did not.
    @Test func aStartMayDieAsWell() throws {
        var steps = 0
        var isWhole = false
        while !isWhole {
            let site = try VolumeStoreSite()
            do {
                let (store, _) = try site.start()
                for handle in ["good", "lost", "shared", "sharing", "bad"] {
                    try store.make(handle)
                    try store.write(handle, "f", handle)
                    if handle != "lost" { try store.synchronize() }
                    if handle == "good" { try store.make("child", .copy(of: "good")) }
                }
                try store.write("lost", "f", "lost")
                try store.files.initial.make("half")
                try store.files.layers.make("0123456789abcdef").make("files")
                var record = try #require(store.find("sharing"))
                record.stack.layers = store.find("shared")?.stack.layers ?? []
                try store.files.live.open("sharing").write("volume.json", try record.encoded())
                try store.files.live.open("bad").write("volume.json", Array("{}".utf8))
            }
            _ = try? site.start("boot-2", dyingAfter: steps)
            isWhole = site.steps.count < steps
            let (store, _) = try site.start("boot-2")
            #expect(store.list().map(\.handle) == ["child", "good", "shared", "sharing"], "\(steps)")
            #expect(try store.read("child", "f") == "good", "\(steps)")
            try store.write("shared", "f", "1")
            #expect(try store.read("sharing", "f") == "shared", "\(steps)")
            #expect(try site.names("damaged") == ["bad"], "\(steps)")
            #expect(try site.names("live") == ["child", "good", "shared", "sharing"], "\(steps)")
            steps += 1
        }
        #expect(steps > 5)
    }

    @Test func somebodyElsesDirectoryIsLeftAlone() throws {
        for (name, file) in [
            ("live/v", "properties.json"), ("init/v", "parent"), ("../overlays/work", nil), ("live/v", "x"),
        ] {
            let site = try VolumeStoreSite()
            let path = name.hasPrefix("..") ? String(name.dropFirst(3)) : "volumes/\(name)"
            let made = try site.scratch.makeDirectories(path)
            if let file { try Directory(made).write(file, []) }
            let error = storeError { try site.start() }
            #expect(error?.kind == .invalid)
            #expect(error?.message.contains("another work directory") == true)
            #expect((try? Directory(site.path).exists("format")) == false)
        }
        for neighbour in ["overlays", "overlays/mine"] {
            let site = try VolumeStoreSite()
            try site.scratch.makeDirectories(neighbour)
            try site.start()
        }
        let site = try VolumeStoreSite()
        try site.start()
        try Directory(site.path).write("format", Array("apron volumes 2\n".utf8))
        #expect(storeError { try site.start() }?.message.contains("apron volumes 2") == true)
        try Directory(site.path).write("format", Array("apron volumes 1\n".utf8))
        try site.start()
    }
}
