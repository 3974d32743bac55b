import Kernel
import Testing

@Suite struct MountTableTests {
    @Test func parsesLines() throws {
        let table = MountTable(
            text: """
                36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
                37 36 0:25 / /mnt\\0402 ro - tmpfs a\\134b\\011 rw
                nonsense
                """)
        #expect(table.entries.count == 2)
        let first = table.entries[0]
        #expect(first.id == 36)
        #expect(first.parent == 35)
        #expect(first.device == DeviceNumber(major: 98, minor: 0))
        #expect(first.root == "/mnt1")
        #expect(first.point == "/mnt 2")
        #expect(first.options == "rw,noatime")
        #expect(first.propagation == ["master:1", "shared:2"])
        #expect(first.type == "ext3")
        #expect(first.source == "/dev/root")
        #expect(first.superOptions == "rw,errors=continue")
        #expect(table.entries[1].propagation.isEmpty)
        #expect(table.entries[1].source == "a\\b\t")
        #expect(table.topmost(at: "/mnt 2")?.id == 37)
        #expect(table.topmost(at: "/") == nil)
    }

    @Test func readsItsOwn() throws {
        let table = try MountTable()
        #expect(table.topmost(at: "/proc")?.type == "proc")
    }
}
