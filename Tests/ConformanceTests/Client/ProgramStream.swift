/// A client's hold on a program: the connection for input and status, and those for output.
final class ProgramStream {
    let main: Wire
    /// The main connection's head as sent, with the blank line.
    let head: String
    /// The first payload as sent, with its newline.
    let opening: String
    let processID: String
    let streamID: String
    private let garden: Garden
    private let handle: String

    private(set) lazy var stdout: Wire? = open("stdout")
    private(set) lazy var stderr: Wire? = open("stderr")
    private var outputs: [Wire] = []

    init(_ garden: Garden, _ handle: String, _ request: String) throws {
        self.garden = garden
        self.handle = handle
        main = try Wire(to: garden.address)
        try main.send(request)
        head = try main.text(through: "\r\n\r\n")
        let parsed = ReplyHead(head)
        guard parsed.status / 100 == 2 else {
            let body = try main.take(parsed.headers["content-length"].flatMap { Int($0) } ?? 0)
            throw Garden.Refusal(reply: Reply(status: parsed.status, headers: parsed.headers, body: body))
        }
        opening = try main.text(through: "\n")
        let payload = try JSON(parsing: Array(opening.utf8))
        processID = payload["process_id"].string ?? ""
        streamID = payload["stream_id"].string ?? ""
    }

    // MARK: output

    /// Opens an output connection and reads its head.
    func output(_ name: String) throws -> Wire {
        let wire = try Wire(to: garden.address)
        try wire.send(
            Garden.request("GET", "/containers/\(handle)/processes/\(processID)/attaches/\(streamID)/\(name)"))
        let head = ReplyHead(try wire.text(through: "\r\n\r\n"))
        guard head.status == 200 else { throw Wire.Failure(description: "\(name): status \(head.status)") }
        return wire
    }

    private func open(_ name: String) -> Wire? {
        guard let wire = try? output(name) else { return nil }
        outputs.append(wire)
        return wire
    }

    /// Opens both output connections, in the order that clients do.
    @discardableResult
    func opened() -> ProgramStream {
        _ = (stdout, stderr)
        return self
    }

    /// Reads everything: output to its end, then the status.
    func outcome() throws -> ProgramOutcome {
        opened()
        let written = try stdout?.restText() ?? "not opened"
        let errors = try stderr?.restText() ?? "not opened"
        return ProgramOutcome(status: try exit(), stdout: written, stderr: errors)
    }

    // MARK: the end

    /// The last payload; nil when the connection was closed without one.
    func end() throws -> JSON? {
        while true {
            let line: String
            do { line = try main.text(through: "\n") } catch is Wire.Failure { return nil }
            let payload = try JSON(parsing: Array(line.utf8))
            if !payload["exit_status"].isNull || !payload["error"].isNull { return payload }
        }
    }

    /// The exit status; nil when the connection was closed without one, or with an error instead.
    func exit() throws -> Int? { try end()?["exit_status"].integer }

    // MARK: input

    /// Largest piece of input that clients send at a time.
    static let pieceBytes = 32 * 1024

    func write(_ text: String) throws {
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(ProgramStream.pieceBytes)
            rest = rest.dropFirst(piece.count)
            try send(["source": 0, "data": String(piece)])
        }
    }

    func endInput() throws { try send(["source": 0]) }

    func resize(columns: Int, rows: Int) throws {
        try send(["tty": ["window_size": ["columns": columns, "rows": rows]]])
    }

    /// By Garden's numbers: 0 terminates, 1 kills.
    func signal(_ number: Int) throws { try send(["signal": number]) }

    private func send(_ payload: [String: Any]) throws {
        try main.send(JSON.encode(payload.merging(["process_id": processID]) { $1 }) + "\n")
    }

    /// The client vanishes: all its connections are cut.
    func vanish() {
        main.reset()
        for wire in outputs { wire.reset() }
    }
}
