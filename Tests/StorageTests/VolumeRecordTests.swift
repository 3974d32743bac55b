import Kernel
import Telemetry
import Testing

@testable import Storage

/// What is written must be read again, and what was not written by us must not be believed.
@Suite struct VolumeRecordTests {
    private let layers = [
        Layer(id: "0123456789abcdef", owners: .shifted), Layer(id: "00000000000000ff", owners: .plain),
    ]

    private func record(_ handle: String = "h") -> VolumeRecord {
        VolumeRecord(
            handle: handle, stack: LayerStack(layers: layers, owners: .shifted, isSealed: true),
            properties: ["k\n": "ü\"/"], isPrivileged: false, strategy: "cow", parent: "p/p", created: .max,
            context: TraceContext(
                traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], tracestate: []),
            writtenSince: "boot")
    }

    @Test(arguments: ["h", "...", "ü \" \\ 😀", String(repeating: "x", count: 255)])
    func aRecordIsReadAsItWasWritten(handle: String) throws {
        let written = record(handle)
        #expect(try VolumeRecord(decoding: try written.encoded(), of: handle) == written)
    }

    @Test func noPropertiesAreNotTheSameAsNone() throws {
        for properties in [nil, [:], ["": ""]] as [[String: String]?] {
            var written = record()
            written.properties = properties
            written.context = nil
            written.parent = nil
            #expect(try VolumeRecord(decoding: try written.encoded(), of: "h") == written)
        }
    }

    @Test func namesOnDiskStay() throws {
        let text = String(decoding: try record().encoded(), as: UTF8.self)
        for part in [
            #""format":1"#, #""handle":"h""#, #""isSealed":true"#, #""id":"0123456789abcdef","owners":"shifted""#,
            #""writtenSince":"boot""#, #""isPrivileged":false"#, #""created":18446744073709551615"#,
        ] {
            #expect(text.contains(part), "\(text)")
        }
    }

    @Test(arguments: [
        ("", "not a record"), ("{}", "not a record"), ("[1]", "not a record"), ("{\"format\":\"1\"}", "not a record"),
        ("{\"format\":2}", "format 2"), ("{\"format\":0}", "format 0"), ("{\"format\":1}", "handle"),
    ])
    func whatIsNoRecordIsRefused(text: String, reason: String) {
        let error = #expect(throws: VolumeStoreError.self) {
            try VolumeRecord(decoding: Array(text.utf8), of: "h")
        }
        #expect(error?.kind == .damaged)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test func everyByteCutOffIsNoticed() throws {
        let bytes = try record().encoded()
        for count in 0..<bytes.count {
            #expect(throws: VolumeStoreError.self) { try VolumeRecord(decoding: Array(bytes[..<count]), of: "h") }
        }
    }

    @Test func whatCannotBeTrueIsRefused() throws {
        var loop = record()
        loop.stack.layers = layers + [layers[0]]
        #expect(throws: VolumeStoreError.self) { try VolumeRecord(decoding: try loop.encoded(), of: "h") }
        #expect(throws: VolumeStoreError.self) { try VolumeRecord(decoding: try record("i").encoded(), of: "h") }
        for id in ["", "..", "../../x", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", "0123456789abcde/"]
        {
            var wrong = record()
            wrong.stack.layers = [Layer(id: id, owners: .plain)]
            #expect(throws: VolumeStoreError.self) { try VolumeRecord(decoding: try wrong.encoded(), of: "h") }
        }
    }

    @Test func idsOfLayers() {
        let ids = Set((0..<1000).map { _ in LayerID.random() })
        #expect(ids.count == 1000)
        #expect(ids.allSatisfy(LayerID.isValid))
        let bytes = Array("x\"id\":\"0123456789abcdef\",00ff 00000000000000ff0 fedcba9876543210".utf8)
        #expect(LayerID.mentioned(in: bytes) == ["0123456789abcdef", "fedcba9876543210"])
    }
}
