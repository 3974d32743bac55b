/// A worker's state as a picture in text.
struct TopView: Sendable {
    /// Width of the terminal.
    var columns: Int
    /// Its height; nil: as many lines as it takes.
    var rows: Int?
    /// Whether to use ANSI escape sequences.
    var isColoured = false

    /// Failures that are told at most; more would push out what runs.
    private static let failuresMax = 3

    private enum Look: String {
        case plain = ""
        case title = "\u{1B}[1m"
        case soft = "\u{1B}[2m"
        case bad = "\u{1B}[31m"
    }

    private typealias Line = (look: Look, text: String)

    /// The picture, each line ended by a line break.
    func draw(_ state: WorkerAnswer) -> String {
        // What has lasted longest is what one looks for; processes stand with their containers.
        let busy = state.open.items.filter { $0.name != "process" }.sorted { $0.start < $1.start }
        let failures = state.traces.items.filter { $0.errors > 0 }.prefix(Self.failuresMax)
        var lines = facts(state)
        // Blank line and title of each part, and the names of columns.
        let titles = failures.isEmpty ? 5 : 7
        let free = rows.map { max(4, $0 - lines.count - titles - failures.count) }
        // A third of what is left is for what is in progress, and containers get what it does not need.
        let busyMax = free.map { min(busy.count, $0 / 3) } ?? busy.count
        let running = state.containers.items.reduce(0) { $0 + ($1.processes ?? []).count(where: \.running) }
        lines += [(.plain, ""), (.title, "CONTAINERS \(state.containers.total), \(running) processes")]
        lines += containers(state, free.map { $0 - busyMax })
        lines += [(.plain, ""), (.title, "IN PROGRESS \(busy.count)")]
        lines += cut(busy, busyMax) { [columns] span in
            let handle = max(16, columns - 50)
            return (
                .plain,
                TerminalText.fitted(TerminalText.duration(state.time - span.start), 10, isRight: true) + "  "
                    + TerminalText.fitted(span.name, 34) + "  " + TerminalText.fitted(span.handle ?? "–", handle)
            )
        }
        if !failures.isEmpty { lines += [(.plain, ""), (.title, "FAILED LATELY")] + failures.map(failure) }
        if let rows { lines = Array(lines.prefix(rows)) }
        return lines.map { drawn($0) + "\n" }.joined()
    }

    private func drawn(_ line: Line) -> String {
        var text = String(line.text.prefix(columns))
        while text.last == " " { text.removeLast() }
        return isColoured && line.look != .plain ? line.look.rawValue + text + "\u{1B}[0m" : text
    }

    /// As many lines as there is room for; the last one says how many there are besides.
    private func cut<Element>(_ list: [Element], _ room: Int?, _ line: (Element) -> Line) -> [Line] {
        guard let room, list.count > room else { return list.map(line) }
        if room == 0 { return [] }
        return list.prefix(room - 1).map(line) + [(.soft, "… and \(list.count - room + 1) more")]
    }

    private func facts(_ state: WorkerAnswer) -> [Line] {
        let host = state.host
        func pressure(_ pressure: WorkerAnswer.Host.Pressure?) -> String {
            pressure.map { TerminalText.tenths($0.some) + " %" } ?? "–"
        }
        func used(_ total: UInt64?, _ free: UInt64?) -> String {
            guard let total, let free, total > 0 else { return "–" }
            return TerminalText.bytes(total - min(free, total)) + " of " + TerminalText.bytes(total)
        }
        return [
            (
                .plain,
                "apron \(TerminalText.line(state.worker.name))  up "
                    + TerminalText.age(state.time - state.worker.started)
                    + "  load \(host.load.map(TerminalText.tenths) ?? "–") on \(state.worker.processors) processors"
                    + "  \(state.volumes.total) volumes"
            ),
            (
                .plain,
                "memory \(used(host.memoryBytes, host.memoryAvailable))  disk "
                    + used(host.diskBytes, host.diskAvailable)
            ),
            (
                .plain,
                "pressure of the last 10 s: cpu \(pressure(host.cpu))  memory \(pressure(host.memory))  "
                    + "io \(pressure(host.io))"
            ),
        ]
    }

    private func containers(_ state: WorkerAnswer, _ room: Int?) -> [Line] {
        if state.containers.items.isEmpty { return [(.soft, "none")] }
        // The busiest first, then the largest.
        let busiest = state.containers.items.sorted {
            ($0.cpu ?? 0, $0.memory ?? 0, $1.handle) > ($1.cpu ?? 0, $1.memory ?? 0, $0.handle)
        }
        // State, processor, memory, tasks and age take 47 columns with what is between them.
        let longest = busiest.map(\.handle.count).max() ?? 0
        let handle = max(12, min(longest, (columns - 47) * 11 / 20))
        let head =
            TerminalText.fitted("HANDLE", handle) + "  STATE        CPU      MEMORY  TASKS       AGE  PROCESSES"
        return [(.soft, head)]
            + cut(busiest, room) { container in
                (container.state == "dead" ? .bad : .plain, line(container, handle, state.time))
            }
    }

    private func line(_ container: WorkerAnswer.Container, _ handle: Int, _ now: Double) -> String {
        let running = (container.processes ?? []).filter(\.running)
        let command = running.first.map { running.count > 1 ? "\($0.command) +\(running.count - 1)" : $0.command }
        let processor = container.cpu.map { TerminalText.tenths($0 * 100) + " %" } ?? "–"
        return [
            TerminalText.fitted(container.handle, handle), TerminalText.fitted(container.state, 7),
            TerminalText.fitted(processor, 7, isRight: true),
            TerminalText.fitted(TerminalText.bytes(container.memory), 10, isRight: true),
            TerminalText.fitted(container.tasks.map { "\($0)" } ?? "–", 5, isRight: true),
            TerminalText.fitted(TerminalText.age(now - container.created), 8, isRight: true),
            TerminalText.line(command ?? "–"),
        ].joined(separator: "  ")
    }

    private func failure(_ trace: TraceLine) -> Line {
        let about = trace.handles.first.map { " " + $0 } ?? ""
        return (
            .bad,
            TerminalText.clock(trace.start) + "  " + TerminalText.line(trace.name + about) + "  "
                + TerminalText.line(trace.failure ?? "")
        )
    }
}
