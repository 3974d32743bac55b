import Kernel
import Runtime
import Testing

@Suite struct CapabilityTests {
    @Test func profilesAreThoseOfTheStockWorker() {
        #expect(CapabilityProfile.unprivileged.nominal.rawValue == 0xa804_25fb)
        #expect(CapabilityProfile.fuseOnly.nominal.rawValue == 0xa824_25fb)
        #expect(CapabilityProfile.full.nominal.rawValue == 0x3f_ffff_ffff)
    }

    @Test func namesAndNumbersBelongTogether() {
        #expect(CapabilitySet.names.count == 41)
        #expect(CapabilitySet(name: "CAP_CHOWN")?.rawValue == 1)
        #expect(CapabilitySet(name: "CAP_AUDIT_READ")?.rawValue == 1 << 37)
        #expect(CapabilitySet(name: "CAP_CHECKPOINT_RESTORE")?.rawValue == 1 << 40)
        #expect(CapabilitySet(name: "CAP_NONE") == nil)
        #expect(CapabilitySet(rawValue: 1 << 50 | 1).description == "CAP_CHOWN 50")
    }

    @Test func nothingIsGrantedThatTheHostLacks() throws {
        let line = try KernelFile.read("/proc/thread-self/status").split(separator: "\n").first {
            $0.hasPrefix("CapBnd")
        }
        let mask = try #require(line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
        #expect(CapabilitySet.bounding.rawValue == mask)
        #expect(CapabilityProfile.full.granted().rawValue == mask & 0x3f_ffff_ffff)
        #expect(CapabilityProfile.fuseOnly.granted(bounding: CapabilitySet(names: ["CAP_KILL"])).rawValue == 1 << 5)
    }
}
