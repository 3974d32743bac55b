import Testing

@testable import Telemetry

@Suite("Views")
struct ViewTests {
    static func request() throws -> [RecordedSpan] {
        [
            try fixedSpan("POST /containers", id: 1, parent: 99, start: 0, end: 4_000_000, parentIsRemote: true),
            try fixedSpan("container.create", id: 2, parent: 1, start: 100_000, end: 3_900_000),
            try fixedSpan("rootfs.prepare", id: 3, parent: 2, start: 100_000, end: 1_050_000),
            try fixedSpan(
                "cgroup.create", id: 4, parent: 2, start: 1_050_000, end: 1_260_000,
                status: .error("ENOSPC", "mkdir /sys/fs/cgroup/h1: no space left on device (ENOSPC)")),
            try fixedSpan("network.create", id: 5, parent: 2, start: 1_260_000, end: 1_900_000),
            try fixedSpan("veth", id: 6, parent: 5, start: 1_260_000, end: 1_260_870),
            try fixedSpan("process", id: 7, parent: 2, start: 3_000_000, end: nil),
        ]
    }

    @Test("Server-Timing: the trace, then the ended phases in the order of the tree")
    func serverTiming() throws {
        let spans = try Self.request()
        #expect(
            ServerTiming.header(spans[0].context, spans: spans)
                == #"""
                trace;desc="00-0af7651916cd43dd8448eb211c80319c-0000000000000001-03", container.create;dur=3.8, \#
                rootfs.prepare;dur=0.95, cgroup.create;dur=0.21;desc="ENOSPC", network.create;dur=0.64, veth;dur=0.001
                """#)
        #expect(ServerTiming.token("POST /a b\"é") == "POST__a_b___")
        #expect(ServerTiming.token("") == "_")
    }

    @Test("Server-Timing: thirty entries at most, the upper levels first")
    func serverTimingBound() throws {
        var spans = [try fixedSpan("root", id: 1, start: 0, end: nil)]
        for number: UInt64 in 0..<20 {
            spans.append(try fixedSpan("upper", id: 100 + number, parent: 1, start: number, end: number + 1))
            spans.append(try fixedSpan("lower", id: 200 + number, parent: 100 + number, start: number, end: number + 1))
        }
        let header = ServerTiming.header(spans[0].context, spans: spans)
        #expect(header.split(separator: ", ").count == 21)
        #expect(!header.contains("lower"))
    }

    @Test("Server-Timing of a request in progress")
    func serverTimingOfOpenSpan() {
        #expect(Recording.isOn)
        let root = Telemetry.start(.httpServer, name: "POST /containers", parent: nil)
        root.run { traced(.containerCreate) { _ in traced(.veth) { _ in } } }
        let names = root.serverTiming.split(separator: ", ").map { $0.prefix { $0 != ";" } }
        #expect(names == ["trace", "container.create", "veth"])
    }

    @Test(
        "durations",
        arguments: [
            (0, "0 ns", "0"), (870, "870 ns", "0.001"), (999_999, "999 µs", "1"), (12_345, "12.3 µs", "0.012"),
            (4_000_000, "4.00 ms", "4"), (2_310_000, "2.31 ms", "2.31"), (61_000_000_000, "61.0 s", "61000"),
            (1_005_000_000, "1.00 s", "1005"), (9_999_999, "9.99 ms", "10"), (100_050_000, "100 ms", "100.05"),
        ] as [(UInt64, String, String)])
    func durations(nanoseconds: UInt64, text: String, milliseconds: String) {
        #expect(TimeSpan(nanoseconds: nanoseconds).description == text)
        #expect(TimeSpan(nanoseconds: nanoseconds).milliseconds == milliseconds)
    }
}
