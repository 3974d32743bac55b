/// A worker's state as a picture in text.
struct TopView: Sendable {
    /// Width of the terminal.
    var columns: Int
    /// Its height; nil: as many lines as it takes.
    var rows: Int?

    /// The picture, each line ended by a line break.
    func draw(_ state: WorkerAnswer) -> String {
        let head = facts(state)
        let busy = state.open.items.filter { $0.name != "process" }
        // Half of what is left is for what is in progress, and containers get what it does not need.
        let free = rows.map { max(4, $0 - head.count - 5) }
        let busyMax = free.map { min(busy.count, $0 / 2) } ?? busy.count
        let containersMax = free.map { $0 - busyMax } ?? state.containers.items.count
        var lines = head
        lines += ["", "CONTAINERS \(state.containers.total)"]
        lines += containers(state, containersMax)
        lines += ["", "IN PROGRESS \(busy.count)"]
        for span in busy.prefix(busyMax) {
            lines.append(
                TerminalText.fitted(span.name, 34) + "  " + TerminalText.fitted(span.handle ?? "–", 30) + "  "
                    + TerminalText.fitted(TerminalText.duration(state.time - span.start), 10, isRight: true))
        }
        if let rows { lines = Array(lines.prefix(rows)) }
        return lines.map { String($0.prefix(columns)) + "\n" }.joined()
    }

    private func facts(_ state: WorkerAnswer) -> [String] {
        let host = state.host
        func pressure(_ pressure: WorkerAnswer.Host.Pressure?) -> String {
            pressure.map { TerminalText.tenths($0.some) + " %" } ?? "–"
        }
        func used(_ total: UInt64?, _ free: UInt64?) -> String {
            guard let total, let free, total > 0 else { return "–" }
            return TerminalText.bytes(total - min(free, total)) + " of " + TerminalText.bytes(total)
        }
        return [
            "apron \(TerminalText.line(state.worker.name))  up \(TerminalText.age(state.time - state.worker.started))"
                + "  load \(host.load.map(TerminalText.tenths) ?? "–") on \(state.worker.processors) processors"
                + "  \(state.volumes.total) volumes",
            "memory \(used(host.memoryBytes, host.memoryAvailable))  disk \(used(host.diskBytes, host.diskAvailable))"
                + "  pressure cpu \(pressure(host.cpu)) memory \(pressure(host.memory)) io \(pressure(host.io))",
        ]
    }

    private func containers(_ state: WorkerAnswer, _ limit: Int) -> [String] {
        if state.containers.items.isEmpty { return ["none"] }
        let busiest = state.containers.items.sorted { ($0.cpu ?? 0, $1.handle) > ($1.cpu ?? 0, $0.handle) }
        let head =
            TerminalText.fitted("HANDLE", 36) + "  STATE      CPU      MEMORY  TASKS       AGE  PROCESSES"
        return [head]
            + busiest.prefix(limit).map { container in
                let running = (container.processes ?? []).filter(\.running)
                let command = running.first.map {
                    running.count > 1 ? "\($0.command) +\(running.count - 1)" : $0.command
                }
                return [
                    TerminalText.fitted(container.handle, 36), TerminalText.fitted(container.state, 7),
                    TerminalText.fitted(
                        container.cpu.map { TerminalText.tenths($0 * 100) + " %" } ?? "–", 7, isRight: true),
                    TerminalText.fitted(TerminalText.bytes(container.memory), 10, isRight: true),
                    TerminalText.fitted(container.tasks.map { "\($0)" } ?? "–", 5, isRight: true),
                    TerminalText.fitted(TerminalText.age(state.time - container.created), 8, isRight: true),
                    TerminalText.line(command ?? "–"),
                ].joined(separator: "  ")
            }
    }
}
