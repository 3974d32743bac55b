internal import API
internal import ArgumentParser
internal import Kernel

/// `apron top`: what a worker does now, in a terminal.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show a running worker's containers and what is in progress, again and again.",
        discussion: """
            Drawn anew each second until Ctrl-C; once, and without cutting lists, when the output is no terminal.

            EXAMPLES:
              apron top
              apron top --once
              apron top --url http://127.0.0.1:7776 --interval 5
            """)

    @Flag(help: "Show it once.")
    var once = false

    @Option(help: ArgumentHelp("Seconds between two looks, 1 to 3600.", valueName: "seconds"))
    var interval = 1

    /// Longer than the worker keeps an answer.
    private static let firstLook = Duration.milliseconds(1100)

    @OptionGroup var place: OperationsPlace

    func validate() throws {
        guard 1...3600 ~= interval else { throw ValidationError("--interval must be 1 to 3600 seconds") }
    }

    func run() async throws {
        do {
            let client = try place.client()
            let output = StandardStream.output
            // The use of processors is told between two looks.
            if once || !output.isTerminal {
                _ = try await client.ask("/api/state")
                try await Task.sleep(for: Self.firstLook)
            }
            while true {
                let state = try await client.ask("/api/state", for: WorkerAnswer.self)
                guard output.isTerminal, !once else {
                    return try output.write(TopView(columns: 120, rows: nil).draw(state))
                }
                let size = output.terminalSize
                let view = TopView(
                    columns: size.map { Int($0.columns) } ?? 80, rows: size.map { max(Int($0.rows), 12) } ?? 24,
                    isColoured: true)
                // To the corner, line by line over the former picture, and what is left of it away: no flicker.
                let lines = view.draw(state).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                try output.write("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J")
                try await Task.sleep(for: .seconds(interval))
            }
        } catch let error as UsageError {
            try? StandardStream.error.write("apron top: \(error)\n")
            throw ExitCode.failure
        }
    }
}
