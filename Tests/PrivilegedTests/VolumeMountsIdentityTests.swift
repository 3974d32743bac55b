import Kernel
import Runtime
import TestSupport
import Testing

/// The two user namespaces between what is written by unprivileged containers and what is shown to others.
@Suite(.hostUnchanged) struct VolumeMountsIdentityTests {
    @Test func theInverseMapUndoesTheMap() throws {
        let image = try InitImage(path: try LaunchSite.program("ApronInit"))
        let map = try IdentityMap.ofThisProcess()
        let there = try image.makeUserNamespace(map)
        let back = try image.makeUserNamespace(map, isInverse: true)
        let scratch = try Scratch()
        for (name, id) in [("root", 0), ("user", 1000), ("shifted", map.containerRoot)] {
            try scratch.directory.write(name, [])
            try scratch.directory.chown(name, uid: id, gid: id)
        }
        try scratch.directory.chown(uid: map.containerRoot, gid: map.containerRoot)
        let shifted = try MountTree.clone(scratch.path)
        try shifted.idMap(userNamespace: there)
        #expect(try shifted.root().status("root").uid == map.containerRoot)
        #expect(try shifted.root().status("user").gid == 1000)
        let plain = try MountTree.clone(scratch.path)
        try plain.idMap(userNamespace: back)
        #expect(try plain.root().status("shifted").uid == 0)
        #expect(try plain.root().status("shifted").gid == 0)
        #expect(try plain.root().status("user").uid == 1000)
        // The daemon itself may write through this one.
        try plain.root().symlink("new", to: "anywhere")
        #expect(try scratch.directory.status("new").uid == map.containerRoot)
    }
}
