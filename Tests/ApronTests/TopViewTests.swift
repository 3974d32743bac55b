import Testing

@testable import apron

/// What `apron top` draws.
@Suite struct TopViewTests {
    private func container(_ handle: String, cpu: Double?, memory: UInt64 = 1 << 20, state: String = "active")
        -> WorkerAnswer.Container
    {
        let program = WorkerAnswer.Container.Program(command: "make -j8 all test\n", running: true)
        return WorkerAnswer.Container(
            handle: handle, state: state, created: 0, cpu: cpu, memory: memory, tasks: 3, processes: [program])
    }

    private func answer(_ containers: [WorkerAnswer.Container]) -> WorkerAnswer {
        let spans = (0..<50).map { index in
            WorkerAnswer.Span(trace: "t", name: "volume.stream_in", handle: "volume-\(index)", start: Double(index))
        }
        let traces = (0..<9).map { index in
            TraceLine(
                id: "t", name: "POST /containers", handles: ["broken-\(index)"], start: 0, end: 1, spans: 2, open: 0,
                errors: 1, failure: "mkdir /sys/fs/cgroup/h1: no space left on device (ENOSPC)")
        }
        return WorkerAnswer(
            time: 100_000, worker: WorkerAnswer.Worker(name: "w", version: "1", started: 0, processors: 2),
            host: WorkerAnswer.Host(), containers: Counted(total: containers.count, items: containers),
            volumes: Counted(total: 0, items: []), open: Counted(total: spans.count, items: spans),
            traces: Counted(total: traces.count, items: traces))
    }

    @Test(arguments: [(80, 24), (60, 12), (120, 50), (200, 60)])
    func aThousandContainersFit(columns: Int, rows: Int) {
        let handles = (0..<1000).map { "0d4c8a31-7c1e-4f0a-b0d2-0000000\(10_000 + $0)" }
        let containers = handles.enumerated().map { container($1, cpu: Double($0) / 1000) }
        let lines = TopView(columns: columns, rows: rows).draw(answer(containers)).split(
            separator: "\n", omittingEmptySubsequences: false
        ).dropLast()
        #expect(lines.count <= rows)
        #expect(lines.allSatisfy { $0.count <= columns })
        #expect(lines.contains { $0.contains("CONTAINERS 1000, 1000 processes") })
        // The busiest is the first.
        let head = lines.firstIndex { $0.hasPrefix("HANDLE") } ?? 0
        #expect(lines[head + 1].contains("99.9 %"))
        #expect(lines[head + 2].contains("99.8 %"))
        #expect(lines.contains { $0.hasPrefix("… and ") })
    }

    @Test func nothingIsCutWithoutATerminal() {
        let containers = (0..<100).map { container("c\($0)", cpu: nil) }
        let text = TopView(columns: 120, rows: nil).draw(answer(containers))
        #expect(text.split(separator: "\n").count { $0.contains("make -j8 all test") } == 100)
        #expect(text.split(separator: "\n").count { $0.contains("volume.stream_in") } == 50)
        #expect(text.split(separator: "\n").count { $0.contains("ENOSPC") } == 3)
        #expect(!text.contains("\u{1B}") && !text.contains("… and"))
    }

    @Test func nothingRuns() {
        let text = TopView(columns: 80, rows: 24).draw(answer([]))
        #expect(text.contains("CONTAINERS 0, 0 processes\nnone"))
    }

    @Test func theDeadAreMarked() {
        let text = TopView(columns: 80, rows: 24, isColoured: true).draw(
            answer([container("gone", cpu: nil, state: "dead")]))
        #expect(text.contains("\u{1B}[31mgone"))
    }
}
