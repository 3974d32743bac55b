import Testing

/// A client of the Garden API: one connection for each call, as the orchestrator does.
struct Garden: Sendable {
    let address: WorkerAddress

    /// A reply that was not what the caller needed.
    struct Refusal: Error, CustomStringConvertible {
        let reply: Reply
        var description: String { "\(reply.status) \(reply.text)" }
    }

    // MARK: calls

    @discardableResult
    func call(_ method: String, _ path: String, _ body: String? = nil, headers: [String] = []) throws -> Reply {
        let wire = try Wire(to: address)
        try wire.send(Garden.request(method, path, body, headers: headers))
        return try Reply(wire)
    }

    static func request(_ method: String, _ path: String, _ body: String? = nil, headers: [String] = []) -> String {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: garden", "Connection: close"] + headers
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
    }

    /// A call that must succeed.
    @discardableResult
    func ask(_ method: String, _ path: String, _ body: [String: Any]? = nil, headers: [String] = []) throws -> JSON {
        let reply = try call(method, path, try body.map(JSON.encode), headers: headers)
        guard reply.status == 200 else { throw Refusal(reply: reply) }
        return try reply.json()
    }

    // MARK: containers

    /// Makes a container and answers its handle.
    @discardableResult
    func create(_ spec: [String: Any] = [:], headers: [String] = []) throws -> String {
        var spec = spec
        if spec["handle"] == nil { spec["handle"] = Garden.newHandle() }
        let reply = try ask("POST", "/containers", spec, headers: headers)
        return reply["Handle"].string ?? ""
    }

    /// A handle nobody has used.
    static func newHandle() -> String { "conf-" + String(UInt64.random(in: 0...UInt64.max), radix: 36) }

    func destroy(_ handle: String) throws { try ask("DELETE", "/containers/\(handle)") }

    func handles(_ query: String = "") throws -> [String] {
        try ask("GET", "/containers" + query)["Handles"].strings
    }

    func info(_ handle: String) throws -> JSON { try ask("GET", "/containers/\(handle)/info") }

    /// Makes a container for `body` and destroys it afterwards.
    func withContainer<Result>(_ spec: [String: Any] = [:], _ body: (String) throws -> Result) throws -> Result {
        let handle = try create(spec)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try body(handle)) } catch { result = .failure(error) }
        do { try destroy(handle) } catch { Issue.record("destroy of \(handle): \(error)") }
        return try result.get()
    }

    // MARK: programs

    /// Starts a program; throws ``Refusal`` when the worker does not.
    func run(_ handle: String, _ spec: [String: Any], headers: [String] = []) throws -> ProgramStream {
        try ProgramStream(
            self, handle, Garden.request("POST", "/containers/\(handle)/processes", JSON.encode(spec), headers: headers)
        )
    }

    /// Starts a shell script.
    func run(_ handle: String, script: String, _ spec: [String: Any] = [:]) throws -> ProgramStream {
        let shell: [String: Any] = ["path": "/bin/sh", "args": ["-c", script]]
        return try run(handle, shell.merging(spec) { $1 })
    }

    func attach(_ handle: String, _ process: String) throws -> ProgramStream {
        try ProgramStream(self, handle, Garden.request("GET", "/containers/\(handle)/processes/\(process)"))
    }

    /// What a script wrote and how it ended.
    func output(_ handle: String, _ script: String, _ spec: [String: Any] = [:]) throws -> ProgramOutcome {
        let program = try run(handle, script: script, spec)
        return try program.outcome()
    }
}

/// Everything that a program wrote, and its exit status.
struct ProgramOutcome: Equatable {
    var status: Int?
    var stdout: String
    var stderr = ""
}
