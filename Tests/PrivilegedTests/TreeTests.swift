import Kernel
import Storage
import TestSupport
import Testing

/// Copies of trees and changes of their owners, as root.
@Suite(.hostUnchanged) struct TreeTests {
    let scratch: Scratch
    let source: Directory
    let target: Directory

    init() throws {
        scratch = try Scratch()
        source = try scratch.directory.make("source")
        target = try scratch.directory.make("target")
    }

    private func attribute(_ path: String, _ name: String) throws -> [UInt8]? {
        try Descriptor(opening: "\(scratch.path)/\(path)", [.path, .noFollow]).attribute(AttributeName(name), path)
    }

    private func setAttribute(_ path: String, _ name: String, _ value: [UInt8]) throws {
        try Descriptor(opening: "\(scratch.path)/\(path)", [.path, .noFollow])
            .setAttribute(AttributeName(name), value, path)
    }

    /// CAP_NET_RAW, permitted and effective (struct vfs_cap_data, linux/capability.h).
    private let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    private let containerRoot = UserNamespace.rootID

    @Test func keepsOwnersAttributesAndDevices() throws {
        try source.write("program", [1, 2, 3])
        try source.chown("program", uid: 7, gid: 8)
        try runProgram("chmod", "6755", "\(source.path)/program")
        try setAttribute("source/program", "security.capability", capability)
        try setAttribute("source/program", "user.comment", Array("text".utf8))
        // user::rwx, user:9:r--, group::r-x, mask::r-x, other::r-x (acl(5), linux/posix_acl_xattr.h)
        let acl: [UInt8] = [
            2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 4, 0, 9, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
            16, 0, 5, 0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
        ]
        try setAttribute("source/program", "system.posix_acl_access", acl)
        try source.symlink("link", to: "program")
        try source.chown("link", uid: 9, gid: 10)
        try setAttribute("source/link", "trusted.mark", [5])
        try source.makeNode("null", .characterDevice, mode: 0o666, device: DeviceNumber(major: 1, minor: 3))
        try source.make("directory").chown(uid: 11, gid: 12)
        let count = try TreeCopy.copy(source, into: target)
        #expect(count.attributesLost == 0)

        let program = try target.status("program")
        #expect([program.uid, program.gid, program.mode] == [7, 8, 0o6755])
        #expect(try attribute("target/program", "security.capability") == capability)
        #expect(try attribute("target/program", "user.comment") == Array("text".utf8))
        #expect(try attribute("target/program", "system.posix_acl_access") == acl)
        #expect(try target.status("link").uid == 9)
        #expect(try attribute("target/link", "trusted.mark") == [5])
        #expect(try target.status("null").node == DeviceNumber(major: 1, minor: 3))
        #expect(try target.status("null").mode == 0o666)
        #expect(try target.status("directory").gid == 12)
    }

    @Test func layersKeepTheirMarks() throws {
        try source.makeNode("whiteout", .characterDevice, mode: 0, device: DeviceNumber(major: 0, minor: 0))
        try source.make("opaque")
        try setAttribute("source/opaque", "trusted.overlay.opaque", Array("y".utf8))
        let plain = try scratch.directory.make("plain")
        let count = try TreeCopy.copy(source, into: plain)
        #expect(count.leftOut == 1)
        #expect(try plain.entries() == ["opaque"])
        #expect(try attribute("plain/opaque", "trusted.overlay.opaque") == nil)

        var options = TreeCopy.Options()
        options.keepsOverlayAttributes = true
        _ = try TreeCopy.copy(source, into: target, options: options)
        #expect(try target.status("whiteout").kind == .characterDevice)
        #expect(try attribute("target/opaque", "trusted.overlay.opaque") == Array("y".utf8))
    }

    @Test func ownersAreMapped() throws {
        try source.write("file", [])
        var options = TreeCopy.Options()
        options.ownerMap = { [containerRoot] in $0 == 0 ? containerRoot : $0 }
        _ = try TreeCopy.copy(source, into: target, options: options)
        #expect(try target.status("file").uid == containerRoot)
        #expect(try target.status().gid == containerRoot)
    }

    @Test func ownersAreTranslatedForthAndBack() throws {
        try source.write("program", [])
        try runProgram("chmod", "4755", "\(source.path)/program")
        try setAttribute("source/program", "security.capability", capability)
        try source.write("other", [])
        try source.chown("other", uid: 7, gid: 0)
        try source.symlink("link", to: "/etc/passwd")
        try source.make("directory").write("file", [])
        let host = try Directory("/etc").status("passwd")

        let count = try TreeOwnership.translate(.plain, to: .shifted, containerRoot: containerRoot, in: source)
        #expect(count.files == 5)
        #expect(try source.status().uid == containerRoot)
        let program = try source.status("program")
        #expect([program.uid, program.gid, program.mode] == [containerRoot, containerRoot, 0o4755])
        let shifted = try #require(try attribute("source/program", "security.capability"))
        #expect(shifted.count == 24)
        #expect(shifted.suffix(4) == [0xfe, 0xff, 0xff, 0xff])
        #expect(try source.status("other").uid == 7)
        #expect(try source.status("other").gid == containerRoot)
        #expect(try source.status("link").uid == containerRoot)
        #expect(try source.open("directory").status("file").uid == containerRoot)
        #expect(try Directory("/etc").status("passwd").uid == host.uid)

        try TreeOwnership.translate(.shifted, to: .plain, containerRoot: containerRoot, in: source)
        #expect(try source.status("program").uid == 0)
        #expect(try source.status("program").mode == 0o4755)
        #expect(try attribute("source/program", "security.capability") == capability)
        let again = try TreeOwnership.translate(.shifted, to: .plain, containerRoot: containerRoot, in: source)
        #expect(again.files == 0)
    }

    @Test func everythingGetsOneOwner() throws {
        try source.make("directory").write("file", [])
        try runProgram("ln", "\(source.path)/directory/file", "\(source.path)/again")
        let count = try TreeOwnership.set(uid: 5, gid: 6, of: source)
        // The second name of the file needs no change any more.
        #expect(count.files == 2)
        for status in [try source.status(), try source.status("again"), try source.status("directory")] {
            #expect([status.uid, status.gid] == [5, 6])
        }
    }
}
