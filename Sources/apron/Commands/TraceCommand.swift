internal import API
internal import ArgumentParser
internal import Kernel

/// `apron trace`: where the time of requests went, told by the running worker.
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show recent traces of a running worker, or one as a picture.",
        discussion: """
            EXAMPLES:
              apron trace                          # the latest traces
              apron trace my-container             # those of a container or volume, the last one as a picture
              apron trace 4bf92f3577b34da6a3ce929d0e0e4736
              apron trace 4bf92f35 --follow        # drawn again until it has ended
              apron trace my-container --json      # its spans as OTLP JSON
            """,
        subcommands: [ShowTrace.self, TraceCheckCommand.self], defaultSubcommand: ShowTrace.self)
}

/// `apron trace show`, which is meant without a word, too.
struct ShowTrace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show recent traces, or one as a picture.")

    @Argument(help: "A container, a volume, or the first digits of a trace id.")
    var subject: String?

    @Flag(help: "Print JSON: the list, or the trace's spans as OTLP.")
    var json = false

    @Flag(help: "Go on: new traces as they come, or the picture until the trace has ended.")
    var follow = false

    @OptionGroup var place: OperationsPlace

    /// Between two looks of `--follow`.
    private static let interval = Duration.seconds(1)
    /// Lines of a list.
    private static let listMax = 30

    func run() async throws {
        do {
            let client = try place.client()
            if let subject {
                try await show(subject, client)
            } else {
                try await list(client)
            }
        } catch let error as UsageError {
            try? StandardStream.error.write("apron trace: \(error)\n")
            throw ExitCode.failure
        }
    }

    private func list(_ client: OperationsClient) async throws {
        let path = "/api/traces?limit=\(Self.listMax)"
        if json, !follow { return try print(client: await client.ask(path).text) }
        var seen: Set<String> = []
        while true {
            let traces = try await client.ask(path, for: TraceLines.self).traces.reversed()
            let fresh = traces.filter { !follow || ($0.end != nil && !seen.contains($0.id)) }
            if seen.isEmpty, !fresh.isEmpty { try StandardStream.output.write(TraceTable.head + "\n") }
            if !follow, traces.isEmpty { try StandardStream.output.write("no traces yet\n") }
            for trace in fresh { try StandardStream.output.write(TraceTable.line(trace) + "\n") }
            // Bounded by what the worker lists.
            seen = Set(traces.filter { $0.end != nil }.map(\.id))
            if !follow { return }
            try await Task.sleep(for: Self.interval)
        }
    }

    private func show(_ subject: String, _ client: OperationsClient) async throws {
        let id = try await traceID(subject, client)
        if json { return try print(client: await client.ask("/api/traces/\(id)").text) }
        let output = StandardStream.output
        let isTerminal = output.isTerminal
        let columns = output.terminalSize.map { Int($0.columns) } ?? 100
        var lines = 0
        while true {
            let path = "/api/traces/\(id)/waterfall?columns=\(columns)&colour=\(isTerminal ? 1 : 0)"
            let picture = try await client.ask(path)
            let isOpen = picture.headers["x-apron-open"] == "1"
            // The picture takes the place of the one before; without a terminal only the last is of use.
            if isTerminal, lines > 0 { try output.write("\u{1B}[\(lines)A\u{1B}[J") }
            if isTerminal || !isOpen || !follow { try output.write("trace \(id)\n" + picture.text) }
            lines = picture.text.split(separator: "\n").count + 1
            if !isOpen || !follow { return }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// The trace that is meant: by its id, by its first digits, or the latest of a handle.
    private func traceID(_ subject: String, _ client: OperationsClient) async throws -> String {
        let isDigits = subject.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || (0x61...0x66) ~= $0 }
        if subject.utf8.count == 32, isDigits { return subject }
        let query = subject.utf8.map { Self.escaped($0) }.joined()
        let traces = try await client.ask("/api/traces?limit=\(Self.listMax)&handle=\(query)", for: TraceLines.self)
            .traces
        let exact = traces.filter { $0.handles.contains(subject) }
        // What changed something says more than what only asked.
        let candidates = exact.isEmpty ? traces : exact
        guard let best = candidates.max(by: { $0.spans < $1.spans }) else {
            throw UsageError("no trace of '\(TerminalText.line(subject))' is kept")
        }
        if candidates.count > 1, !json {
            try StandardStream.output.write(TraceTable.head + "\n")
            for trace in candidates.reversed() { try StandardStream.output.write(TraceTable.line(trace) + "\n") }
            try StandardStream.output.write("\n")
        }
        return best.id
    }

    /// A byte as it stands in a query.
    private static func escaped(_ byte: UInt8) -> String {
        let character = Character(Unicode.Scalar(byte))
        if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
            return String(character)
        }
        let digits = String(byte, radix: 16, uppercase: true)
        return "%" + (digits.count < 2 ? "0" : "") + digits
    }

    private func print(client text: String) throws {
        try StandardStream.output.write(text.hasSuffix("\n") ? text : text + "\n")
    }
}

/// Traces, a line each.
enum TraceTable {
    /// The columns' names.
    static let head =
        "BEGAN     TOOK       SPANS  " + TerminalText.fitted("WHAT", 34) + "  " + TerminalText.fitted("ABOUT", 24)
        + "  TRACE                             OUTCOME"

    /// One trace.
    static func line(_ trace: TraceLine) -> String {
        let took = trace.end.map { TerminalText.duration($0 - trace.start) } ?? "open"
        let outcome = trace.errors > 0 ? "failed: " + (trace.failure ?? "") : trace.open > 0 ? "in progress" : "ok"
        return [
            TerminalText.clock(trace.start), TerminalText.fitted(took, 9, isRight: true),
            TerminalText.fitted("\(trace.spans)", 5, isRight: true), TerminalText.fitted(trace.name, 34),
            TerminalText.fitted(trace.handles.joined(separator: ","), 24), trace.id, TerminalText.line(outcome),
        ].joined(separator: "  ")
    }
}
