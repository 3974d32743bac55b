import Kernel
import Runtime
import TestSupport
import Testing

@Suite(.hostUnchanged) struct DeviceTreeTests {
    @Test func hasWhatProgramsExpect() throws {
        let tree = try DeviceTree(uid: UserNamespace.rootID, gid: UserNamespace.rootID, hasFuse: true).mount()
        let root = try tree.root()
        let expected: Set = [
            "null", "zero", "full", "random", "urandom", "tty", "fuse", "fd", "stdin", "stdout", "stderr", "core",
            "ptmx", "pts", "shm", "mqueue",
        ]
        #expect(try Set(root.entries()) == expected)
        #expect(try root.status().mode == 0o755)
        for name in expected { #expect(try root.status(name).uid == UserNamespace.rootID) }
        for name in ["null", "zero", "full", "random", "urandom", "tty", "fuse"] {
            #expect(try root.status(name).kind == .characterDevice)
            #expect(try root.status(name).mode == 0o666)
        }
        #expect(try root.status("null").node == DeviceNumber(major: 1, minor: 3))
        #expect(try root.status("fuse").node == DeviceNumber(major: 10, minor: 229))
        #expect(try root.readLink("ptmx") == "pts/ptmx")
        #expect(try DeviceTree(uid: 0, gid: 0).mount().root().exists("fuse") == false)
    }

    /// A tmpfs mounted inside a user namespace would refuse (EACCES); one from outside must not.
    @Test func nodesWorkInsideAUserNamespace() throws {
        let scratch = try Scratch()
        let point = try scratch.makeDirectories("dev")
        try DeviceTree(uid: UserNamespace.rootID, gid: UserNamespace.rootID).mount().attach(at: point)
        defer { try? MountPoint(point).unmount(detach: true) }
        let script = """
            echo discarded > \(point)/null && head -c 4 \(point)/zero | wc -c && head -c 4 \(point)/urandom | wc -c \
            && touch \(point)/own && ls \(point)/pts && mknod \(point)/bad c 1 3 2>/dev/null || echo refused
            """
        let namespace = try UserNamespace()
        let path = "/proc/\(CallingThread.process)/fd/\(namespace.descriptor.number)"
        let output = try runProgram(
            "nsenter", "--user=\(path)", "--setuid=0", "--setgid=0", "unshare", "--mount", "sh", "-c", script)
        #expect(output == "4\n4\nrefused\n")
        let entry = try #require(try MountTable().topmost(at: point))
        #expect(Set(entry.options.split(separator: ",")) == ["rw", "nosuid"])
        #expect(entry.superOptions.contains("size=65536k"))
    }
}
