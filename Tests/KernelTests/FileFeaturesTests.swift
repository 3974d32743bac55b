import Kernel
import Testing

@Suite struct FileFeaturesTests {
    @Test func readsTheListOfDisabledFeatures() throws {
        #expect(try Features.disabled(by: "") == [])
        #expect(try Features.disabled(by: "idmap, overlay-fd") == [.idMap, .overlayDescriptors])
        let error = #expect(throws: KernelError.self) { try Features.disabled(by: "idmap,nonsense") }
        #expect(error?.subject?.hasPrefix("nonsense: no such feature") == true)
    }

    @Test func saysWhatIsMissing() {
        let features = Features(states: [
            .openat2: .present, .idMap: .disabled,
            .overlay: .missing(KernelError(call: "fsconfig", errno: .invalid, subject: "/x")),
        ])
        #expect(features.has(.openat2))
        #expect(!features.has(.idMap))
        #expect(features.missingRequired.contains(.overlay))
        #expect(!features.missingRequired.contains(.idMap))
        let lines = features.describe()
        #expect(lines.contains("openat2: yes"))
        #expect(lines.contains("idmap: switched off"))
        #expect(lines.contains("overlay: no (fsconfig /x: invalid argument (EINVAL))"))
    }
}
