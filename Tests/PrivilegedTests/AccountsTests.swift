import Kernel
import Runtime
import TestSupport
import Testing

@Suite struct AccountsTests {
    let scratch: Scratch
    let accounts: Accounts

    init() throws {
        scratch = try Scratch()
        accounts = Accounts(root: scratch.directory)
    }

    private func write() throws {
        let etc = try scratch.directory.make("etc")
        let passwd = """
            root:x:0:0:root:/root:/bin/sh
            # comment:x:7:7::/:
            alice:x:1001:1010:Alice:/home/alice:/bin/sh
            1001:x:77:77::/seventy:/bin/sh
            broken:x:nonsense:1
            homeless:x:1002:1002:::
            """
        let group = """
            root:x:0:
            wheel:x:10:root,alice
            alice:x:1010:alice
            more:x:1011:bob,alice
            huge:x:4294967295:alice
            42:x:43:
            """
        try etc.write("passwd", Array(passwd.utf8))
        try etc.write("group", Array(group.utf8))
    }

    @Test func resolvesNamesAndIDs() throws {
        try write()
        let alice = Account(uid: 1001, gid: 1010, groups: [10, 1011], home: "/home/alice", name: "alice")
        let root = Account(uid: 0, gid: 0, groups: [10], home: "/root", name: "root")
        #expect(try accounts.resolve("alice") == alice)
        #expect(try accounts.resolve("") == root)
        #expect(try accounts.resolve("root") == root)
        #expect(try accounts.resolve("0") == root)
        #expect(try accounts.resolve(":") == root)
        // A name wins over an id.
        #expect(try accounts.resolve("1001").uid == 77)
        #expect(try accounts.resolve("homeless").home == "/")
        #expect(
            try accounts.resolve("5000") == Account(uid: 5000, gid: 0, groups: [], home: "/", name: "5000"))
    }

    @Test func resolvesGroups() throws {
        try write()
        let account = try accounts.resolve("alice:wheel")
        #expect(account.gid == 10)
        #expect(account.groups == [])
        #expect(try accounts.resolve("alice:20").gid == 20)
        #expect(try accounts.resolve("alice:42").gid == 43)
        #expect(try accounts.resolve("5000:6000").gid == 6000)
        let error = #expect(throws: AccountError.self) { try accounts.resolve("alice:nobody") }
        #expect(error?.description == "unable to find group nobody: no matching entries in group file")
    }

    @Test(arguments: ["stranger", "-1", "4294967295", "99999999999", "0x10", "root:4294967295", "broken"])
    func refuses(user: String) throws {
        try write()
        #expect(throws: AccountError.self) { try accounts.resolve(user) }
    }

    @Test func saysWhoIsUnknown() throws {
        let error = #expect(throws: AccountError.self) { try accounts.resolve("stranger") }
        #expect(error?.description == "unable to find user stranger: no matching entries in passwd file")
    }

    @Test func rootNeedsNoFiles() throws {
        #expect(try accounts.resolve("root").home == "/root")
        #expect(try accounts.resolve("").name == "root")
        #expect(try accounts.resolve("4294967294").uid == 4_294_967_294)
    }

    @Test func hostileFilesAreNotFollowedOut() throws {
        let etc = try scratch.directory.make("etc")
        // The host's own file would name this user.
        try etc.symlink("passwd", to: "../../../../../../etc/passwd")
        #expect(throws: AccountError.self) { try accounts.resolve("daemon") }
        try etc.makeNode("group", .fifo, mode: 0o666)
        #expect(try accounts.resolve("root").uid == 0)
        try etc.remove("group")
        try etc.write("group", [UInt8](repeating: 0x61, count: (1 << 20) + 1))
        #expect(try accounts.resolve("root").groups == [])
    }
}
