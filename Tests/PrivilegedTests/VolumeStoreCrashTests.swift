import Kernel
import TestSupport
import Testing

@testable import Storage

/// A process that dies between any two changes on disk leaves the former state or the next one, and nothing besides.
@Suite(.hostUnchanged) struct VolumeStoreCrashTests {
    /// Something that changes volumes, with what must be there for it.
    struct Mutation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var disabled = ""
        let prepare: @Sendable (VolumeStore, VolumeStoreSite) throws -> Void
        let run: @Sendable (VolumeStore, VolumeStoreSite) throws -> Void
        /// Of every volume that is there before or after, with the contents of its file `f`.
        let contents: [String: [String?]]
        /// Volumes of which nothing may be lost, whatever happens.
        let kept: Set<String>

        init(
            _ name: String, disabled: String = "", contents: [String: [String?]], kept: Set<String> = ["p"],
            prepare: @escaping @Sendable (VolumeStore, VolumeStoreSite) throws -> Void = { _, _ in },
            run: @escaping @Sendable (VolumeStore, VolumeStoreSite) throws -> Void
        ) {
            testDescription = name
            self.disabled = disabled
            self.contents = contents
            self.kept = kept
            self.prepare = prepare
            self.run = run
        }
    }

    static let mutations: [Mutation] = [
        Mutation("create", contents: ["a": [nil]]) { store, _ in try store.make("a") },
        Mutation("create with an owner", contents: ["a": [nil]]) { store, _ in try store.make("a", owner: (5, 5)) },
        Mutation("copy", contents: ["a": ["p"]]) { store, _ in try store.make("a", .copy(of: "p")) },
        Mutation("copy again", contents: ["a": ["p"], "b": ["p"]], kept: ["p", "b"]) { store, _ in
            try store.make("b", .copy(of: "p"))
        } run: { store, _ in
            try store.make("a", .copy(of: "p"))
        },
        Mutation("copy of an overlay", contents: ["a": ["b"], "b": ["b"]], kept: ["p", "b"], prepare: makeOverlay) {
            store, _ in try store.make("a", .copy(of: "b"))
        },
        Mutation("copy with an owner", contents: ["a": ["p"]]) { store, _ in
            try store.make("a", .copy(of: "p"), owner: (5, 5))
        },
        Mutation("copy while somebody writes", contents: ["a": ["p"]]) { store, _ in
            _ = try store.mount("p", writable: true, unprivileged: false, user: .container("unknown"))
        } run: { store, _ in
            try store.make("a", .copy(of: "p"))
        },
        Mutation("copy without mapped mounts", disabled: "idmap", contents: ["a": ["p"]]) { store, _ in
            try store.make("a", .copy(of: "p"), isPrivileged: true)
        },
        Mutation("import", contents: ["a": ["p"]]) { store, _ in
            try store.make("a", .subtree(of: "p", path: "."), owner: (5, 5))
        },
        Mutation("write", contents: ["a": [nil, "a"]], kept: ["p", "a"]) { store, _ in
            try store.make("a")
        } run: { store, _ in
            try store.write("a", "f", "a")
        },
        Mutation("write to a copy", contents: ["a": ["p", "a"]], kept: ["p", "a"]) { store, _ in
            try store.make("a", .copy(of: "p"))
        } run: { store, _ in
            try store.write("a", "f", "a")
        },
        Mutation("property", contents: [:]) { store, _ in try store.setProperty("p", "k", to: "v") },
        Mutation("privilege", contents: [:]) { store, _ in try store.setPrivileged("p", to: true) },
        Mutation("privilege of an overlay", contents: ["b": ["b"]], kept: ["p", "b"], prepare: makeOverlay) {
            store, _ in try store.setPrivileged("b", to: true)
        },
        Mutation("privilege without mapped mounts", disabled: "idmap", contents: [:]) { store, _ in
            try store.setPrivileged("p", to: true)
        },
        Mutation(
            "privilege of an overlay without mapped mounts", disabled: "idmap", contents: ["b": ["b"]],
            kept: ["p", "b"], prepare: makeOverlay
        ) { store, _ in try store.setPrivileged("b", to: true) },
        Mutation("destroy", contents: ["a": ["a"]]) { store, _ in
            try store.make("a")
            try store.write("a", "f", "a")
        } run: { store, _ in
            try store.destroy("a")
        },
        Mutation("destroy a parent", contents: ["b": ["b"], "p": ["p"]], kept: ["b"], prepare: makeOverlay) {
            store, _ in try store.destroy("p")
        },
        Mutation("synchronize", contents: ["b": ["b"]], kept: ["p", "b"], prepare: makeOverlay) { store, _ in
            try store.synchronize()
        },
    ]

    @Sendable static func makeOverlay(_ store: VolumeStore, _ site: VolumeStoreSite) throws {
        try store.make("b", .copy(of: "p"))
        try store.write("b", "f", "b")
    }

    @Test(arguments: mutations) func theProcessDies(mutation: Mutation) throws {
        var steps = 0
        while try !survives(mutation, steps: steps, boot: "boot-1") { steps += 1 }
        #expect(steps > 1)
    }

    /// What was written since the last synchronisation may be lost with the host, but whole volumes at a time.
    @Test(arguments: mutations) func theHostDies(mutation: Mutation) throws {
        var steps = 0
        while try !survives(mutation, steps: steps, boot: "boot-2") { steps += 1 }
    }

    /// Lets the process die after so many steps; true when it had no more than these.
    private func survives(_ mutation: Mutation, steps: Int, boot: String) throws -> Bool {
        let site = try VolumeStoreSite(disabled: mutation.disabled)
        let comment = "\(mutation.testDescription), dead after \(steps) steps"
        var hasFinished = false
        do {
            let (store, _) = try site.start()
            try store.make("p")
            try store.write("p", "f", "p")
            try mutation.prepare(store, site)
            // Everything so far has reached the disk.
            if mutation.testDescription != "synchronize" { try store.synchronize() }
            site.dieAfter(steps)
            do {
                try mutation.run(store, site)
                hasFinished = site.steps.count <= steps
            } catch {}
        }
        let last = site.steps.last ?? "none"
        let (store, recovery) = try site.start(boot)
        #expect(recovery.failures.isEmpty, "\(comment) (\(last)): \(recovery.failures)")
        if boot == "boot-1" {
            #expect(recovery.givenUp.isEmpty, "\(comment) (\(last)): \(recovery.givenUp)")
            for handle in mutation.kept { #expect(store.find(handle) != nil, "\(comment) (\(last)): \(handle)") }
        }
        let expected = mutation.contents.merging(["p": ["p"]]) { first, _ in first }
        for record in store.list() {
            let found = try store.read(record.handle, "f")
            #expect(
                expected[record.handle]?.contains(found) == true,
                "\(comment) (\(last)): \(record.handle) holds \(found ?? "nothing")")
            let owner = record.stack.owners == .plain ? 0 : UserNamespace.rootID
            let root = try store.status(record.handle).uid
            #expect(root == owner || root == 5, "\(comment) (\(last)): \(record.handle) belongs to \(root)")
        }
        store.files.graveyard.waitUntilEmpty()
        try check(site, store, "\(comment) (\(last))")
        // All of it can be done again.
        for record in store.list() where record.handle != "p" { try store.destroy(record.handle) }
        if store.find("p") == nil { try store.make("p") }
        try store.write("p", "f", "new")
        try store.make("a", .copy(of: "p"))
        #expect(try store.read("a", "f") == "new", "\(comment) (\(last))")
        return hasFinished
    }

    private func check(_ site: VolumeStoreSite, _ store: VolumeStore, _ comment: String) throws {
        let named = Set(store.list().flatMap(\.stack.layers).map(\.id))
        #expect(try Set(site.layers) == named, "\(comment): layers that nobody names, or that are missing")
        #expect(try site.names("init").isEmpty, "\(comment): init")
        #expect(try site.names("dead").isEmpty, "\(comment): dead")
        #expect(try site.names("live") == store.list().map(\.handle), "\(comment): live")
    }
}
