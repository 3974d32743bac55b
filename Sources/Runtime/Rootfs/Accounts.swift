public import Kernel

/// Who a program runs as, resolved in the container's own account files.
public struct Account: Sendable, Hashable {
    /// The user id, as inside the container.
    public var uid: UInt32
    /// The group id, as inside the container.
    public var gid: UInt32
    /// Groups that name the user as a member, without ``gid``.
    public var groups: [UInt32]
    /// The home directory; `/` for a user without an entry, `/root` for root.
    public var home: String
    /// The user's name, or what was asked for when there is no entry.
    public var name: String

    /// Describes a resolved user.
    public init(uid: UInt32, gid: UInt32, groups: [UInt32], home: String, name: String) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
        self.name = name
    }
}

/// Why a user or group could not be resolved; the text is the one that Garden's clients know.
public struct AccountError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The whole sentence.
    public let description: String
}

/// The users and groups of a container: `/etc/passwd` and `/etc/group` beneath its root, which may be hostile.
///
/// Files that are missing, longer than a megabyte or not regular count as empty, so that root can always come in.
public struct Accounts: Sendable {
    /// Far more than any account file; longer ones would only cost time.
    private static let bytesMax = 1 << 20
    /// (uid_t)-1 means "no change" to the kernel, so the last id is one less.
    private static let idMax = UInt32.max - 1

    private let root: Directory

    /// Reads accounts beneath `root` whenever a user is resolved.
    public init(root: Directory) { self.root = root }

    /// Resolves `name`, `name:group`, `uid`, `uid:gid`; empty is root.
    ///
    /// A name that is all digits is looked up as a name first. Ids need no entry; without a group it is then 0.
    public func resolve(_ user: String) throws(AccountError) -> Account {
        let colon = user.firstIndex(of: ":")
        let userPart = user[..<(colon ?? user.endIndex)]
        let groupPart = colon.map { user[user.index(after: $0)...] } ?? ""

        var account = try findUser(userPart.isEmpty ? "0" : String(userPart))
        if groupPart.isEmpty {
            account.groups = memberships(of: account)
        } else {
            account.gid = try findGroup(String(groupPart))
        }
        return account
    }

    private func findUser(_ wanted: String) throws(AccountError) -> Account {
        let id = try Accounts.id(wanted)
        let name = Array(wanted.utf8)
        var byID: Account?
        for line in lines("/etc/passwd") {
            // name:password:uid:gid:comment:home:shell (passwd(5))
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 6, let uid = UInt32(decimal: fields[2]) else { continue }
            let isNamed = fields[0].elementsEqual(name)
            guard isNamed || (uid == id && byID == nil), let gid = UInt32(decimal: fields[3]) else { continue }
            let home = fields[5].isEmpty ? "/" : String(decoding: fields[5], as: UTF8.self)
            let account = Account(
                uid: uid, gid: gid, groups: [], home: home, name: String(decoding: fields[0], as: UTF8.self))
            if isNamed { return account }
            byID = account
        }
        if let byID { return byID }
        if wanted == "root" || id == 0 { return Account(uid: 0, gid: 0, groups: [], home: "/root", name: "root") }
        if let id { return Account(uid: id, gid: 0, groups: [], home: "/", name: wanted) }
        throw AccountError(description: "unable to find user \(wanted): no matching entries in passwd file")
    }

    private func findGroup(_ wanted: String) throws(AccountError) -> UInt32 {
        let name = Array((wanted + ":").utf8)
        for line in lines("/etc/group") where line.starts(with: name) {
            // name:password:gid:members (group(5))
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            if fields.count >= 3, let gid = UInt32(decimal: fields[2]) { return gid }
        }
        if let id = try Accounts.id(wanted) { return id }
        throw AccountError(description: "unable to find group \(wanted): no matching entries in group file")
    }

    private func memberships(of account: Account) -> [UInt32] {
        // setgroups(2) takes at most this many.
        let groupsMax = 65_536
        let name = Array(account.name.utf8)
        var groups: Set<UInt32> = []
        for line in lines("/etc/group") where groups.count < groupsMax && line.last != UInt8(ascii: ":") {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 4, let gid = UInt32(decimal: fields[2]) else { continue }
            let isMember = fields[3].split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(name) }
            if isMember, gid != account.gid { groups.insert(gid) }
        }
        return groups.sorted()
    }

    private func lines(_ path: String) -> [ArraySlice<UInt8>] {
        let bytes = (try? root.readInRoot(path, limit: Accounts.bytesMax)) ?? []
        return bytes.split(separator: UInt8(ascii: "\n")).filter { $0.first != UInt8(ascii: "#") }
    }

    /// The id that a text of digits stands for; nil for any other text.
    private static func id(_ text: String) throws(AccountError) -> UInt32? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        guard let id = UInt32(text), id <= idMax else {
            throw AccountError(description: "id \(text) is out of range: the highest is \(idMax)")
        }
        return id
    }
}

extension UInt32 {
    /// The id that decimal digits stand for; nil for anything else and for the one number that is no id.
    fileprivate init?(decimal digits: ArraySlice<UInt8>) {
        guard let value = UInt32(String(decoding: digits, as: UTF8.self)), value != .max else { return nil }
        self = value
    }
}
