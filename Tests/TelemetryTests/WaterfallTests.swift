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
                ✗ cgroup.create: mkdir
                    /sys/fs/cgroup/h1: no space left on
                    device (ENOSPC)

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
                x cgroup.create: mkdir /sys/fs/cgroup/h1: no space left on
                    device (ENOSPC)

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
        #expect(picture.split(separator: "\n").count <= 1 + Waterfall.failureLinesMax)
        #expect(!picture.contains("\u{1B}") && !picture.contains("\u{202E}") && !picture.contains("\r"))
        #expect(Waterfall().draw([]) == "")
    }

    /// A creation of ten milliseconds, a process in it that lives, and a second one half a minute later.
    private func lives(now: UInt64) throws -> String {
        let (ms, s): (UInt64, UInt64) = (1_000_000, 1_000_000_000)
        return Waterfall(Waterfall.Style(columns: 60)).draw(
            [
                try fixedSpan("POST /containers", id: 1, start: 0, end: 10 * ms),
                try fixedSpan("container.create", id: 2, parent: 1, start: 1 * ms, end: 9 * ms),
                try fixedSpan("rootfs.prepare", id: 3, parent: 2, start: 1 * ms, end: 5 * ms),
                try fixedSpan("process", id: 4, parent: 2, start: 10 * ms, end: nil),
                try fixedSpan("POST /processes", id: 5, start: 30 * s, end: 30 * s + 10 * ms),
                try fixedSpan("process", id: 6, parent: 2, start: 30 * s + 5 * ms, end: 40 * s),
            ], now: now)
    }

    @Test("time in which at most processes run is shortened, and the steps stay readable")
    func shortened() throws {
        let picture = try lives(now: 100_000_000_000)
        let wanted = """
            POST /containers   ████████████                     10.0 ms
              container.create  █████████▊                      8.00 ms
                rootfs.prepare  █████                           4.00 ms
                process                    ┅┅┅┅████████████┅┅┅┅  99.9 s*
                process                              ██████┅     9.99 s
            POST /processes                    ████████████     10.0 ms
            ┅ shortened: 99.9 s in which at most processes ran

            """
        #expect(picture == wanted)
    }

    @Test("a step that is long is long")
    func trueToScale() throws {
        let second: UInt64 = 1_000_000_000
        let picture = Waterfall(Waterfall.Style(columns: 60)).draw([
            try fixedSpan("volume.stream_in", id: 1, start: 0, end: 60 * second),
            try fixedSpan("state.commit", id: 2, parent: 1, start: 59 * second, end: 60 * second),
            try fixedSpan("process", id: 3, start: 0, end: 100 * second),
        ])
        #expect(!picture.contains("┅"))
    }

    @Test("a command that lasts as long as its process is shortened with it")
    func commands() throws {
        let (ms, s): (UInt64, UInt64) = (1_000_000, 1_000_000_000)
        let picture = Waterfall(Waterfall.Style(columns: 60)).draw([
            try fixedSpan("command.run", id: 1, start: 0, end: 9 * s),
            try fixedSpan("container.create", id: 2, parent: 1, start: 0, end: 10 * ms),
            try fixedSpan("process", id: 3, parent: 1, start: 10 * ms, end: 8 * s),
            try fixedSpan("container.destroy", id: 4, parent: 1, start: 8 * s + 990 * ms, end: 9 * s),
        ])
        #expect(picture.contains("┅ shortened: 8.98 s"))
        #expect(picture.split(separator: "\n").allSatisfy { $0.count <= 60 })
    }

    @Test("a failure is told where it arose, and again where it is told in other words")
    func failures() throws {
        let picture = Waterfall(Waterfall.Style(columns: 60)).draw([
            try fixedSpan("POST /containers", id: 1, start: 0, end: 10, status: .error("X", "cannot: no room")),
            try fixedSpan("container.create", id: 2, parent: 1, start: 0, end: 10, status: .error("X", "no room")),
            try fixedSpan("rootfs.prepare", id: 3, parent: 2, start: 0, end: 10, status: .error("X", "no room")),
        ])
        let told = picture.split(separator: "\n").suffix(2)
        #expect(picture.split(separator: "\n").count == 5)
        #expect(told == ["✗ POST /containers: cannot: no room", "✗ rootfs.prepare: no room"])
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
