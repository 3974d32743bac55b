import Testing

@testable import Telemetry

@Suite("Waterfall")
struct WaterfallTests {
    private func draw(_ style: Waterfall.Style, now: UInt64? = nil) throws -> String {
        Waterfall(style).draw(try ViewTests.request(), now: now)
    }

    @Test("80 columns")
    func wide() throws {
        #expect(
            try draw(Waterfall.Style(columns: 80)) == """
                  POST /containers   ██████████████████████████████████████████████████ 4.00 ms
                    container.create  ███████████████████████████████████████████████▊  3.80 ms
                      rootfs.prepare  ████████████▏                                      950 µs
                ✗     cgroup.create               ██▊                                    210 µs
                      network.create                ▐███████▊                            640 µs
                        veth                        ▏                                    870 ns
                      process                                             ▐████████████ 1.00 ms*
                ✗ cgroup.create: mkdir /sys/fs/cgroup/h1: no space left on device (ENOSPC)

                """)
    }

    @Test("40 columns")
    func narrow() throws {
        #expect(
            try draw(Waterfall.Style(columns: 40)) == """
                  POST /containers ████████████ 4.00 ms
                    container.cre… ███████████▊ 3.80 ms
                      rootfs.prep… ███▏          950 µs
                ✗     cgroup.crea…    ▋          210 µs
                      network.cre…    ▐█▊        640 µs
                        veth          ▏          870 ns
                      process               ███ 1.00 ms*
                ✗ cgroup.create: mkdir /sys/fs/cgroup/h…

                """)
    }

    @Test("plain ASCII, and open spans up to now")
    func ascii() throws {
        #expect(
            try draw(Waterfall.Style(columns: 60, isASCII: true), now: 8_000_000) == """
                  POST /containers   ###############                4.00 ms
                    container.create ###############                3.80 ms
                      rootfs.prepare ####                            950 us
                x     cgroup.create      #                           210 us
                      network.create     ####                        640 us
                        veth             #                           870 ns
                      process                   ################### 5.00 ms*
                x cgroup.create: mkdir /sys/fs/cgroup/h1: no space left on ~

                """)
    }

    @Test("colours mark failures and open spans, and do not change the text")
    func coloured() throws {
        let plain = try draw(Waterfall.Style(columns: 60))
        let coloured = try draw(Waterfall.Style(columns: 60, isColoured: true))
        #expect(coloured.contains("\u{1B}[31m✗ \u{1B}[0m"))
        #expect(coloured.contains("\u{1B}[33m"))
        let stripped = ["31", "33", "36", "0"].reduce(coloured) { $0.replacing("\u{1B}[\($1)m", with: "") }
        #expect(stripped == plain)
    }

    @Test("texts cannot move the cursor, names are cut, and there are no lines without spans")
    func hostile() throws {
        let span = try fixedSpan(
            String(repeating: "n\u{1B}[2J\n", count: 20), id: 1, start: 0, end: 10,
            status: .error("X", "a\r\nb\u{202E}"))
        let picture = Waterfall(Waterfall.Style(columns: 40)).draw([span])
        #expect(picture.split(separator: "\n").count == 2)
        #expect(!picture.contains("\u{1B}") && !picture.contains("\u{202E}") && !picture.contains("\r"))
        #expect(Waterfall().draw([]) == "")
    }

    @Test("no line is longer than the terminal is wide, whatever the width and depth")
    func widths() throws {
        var spans: [RecordedSpan] = []
        for id: UInt64 in 1...40 {
            spans.append(try fixedSpan("span\(id)", id: id, parent: id - 1, start: id, end: 1000 - id))
        }
        for columns in [Waterfall.columnsMin, 33, 57, 80, 200] {
            let lines = Waterfall(Waterfall.Style(columns: columns)).draw(spans).split(separator: "\n")
            #expect(lines.count == 40)
            #expect(lines.allSatisfy { $0.count <= columns })
        }
    }

    @Test("a picture has two hundred lines at most")
    func bound() throws {
        let spans = try (1...300).map { try fixedSpan("span", id: $0, start: $0, end: $0 + 1) }
        let lines = Waterfall().draw(spans).split(separator: "\n")
        #expect(lines.count == 201)
        #expect(lines.last == "… and 100 more spans")
    }
}
