import Foundation
import Kernel
import TestSupport
import Testing

/// A client of the Baggageclaim API: one connection for each call, as the orchestrator does.
struct Baggageclaim: Sendable {
    let address: WorkerAddress

    /// A reply that was not what the caller needed.
    struct Refusal: Error, CustomStringConvertible {
        let reply: Reply
        var description: String { "\(reply.status) \(reply.text)" }
        /// What the worker says went wrong.
        var cause: String { (try? reply.json()["error"].string) ?? "" }
    }

    static func newHandle() -> String { UUID().uuidString.lowercased() }

    // MARK: calls

    @discardableResult
    func call(_ method: String, _ path: String, _ body: String? = nil, headers: [String] = []) throws -> Reply {
        let wire = try Wire(to: address)
        try wire.send(Garden.request(method, path, body, headers: headers))
        return try Reply(wire)
    }

    @discardableResult
    func ask(
        _ method: String, _ path: String, _ body: Any? = nil, expect status: Int, headers: [String] = []
    ) throws -> JSON {
        let reply = try call(method, path, try body.map(JSON.encode), headers: headers)
        guard reply.status == status else { throw Refusal(reply: reply) }
        return reply.body.isEmpty ? JSON(nil) : try reply.json()
    }

    // MARK: volumes

    /// Makes a volume as the orchestrator does: by a future, collected and forgotten.
    @discardableResult
    func create(
        _ strategy: [String: Any] = ["type": "empty"], handle: String = newHandle(), privileged: Bool = false,
        _ more: [String: Any] = [:], headers: [String] = []
    ) throws -> Volume {
        var body: [String: Any] = ["handle": handle, "strategy": strategy, "properties": NSNull()]
        if privileged { body["privileged"] = true }
        body.merge(more) { $1 }
        try ask("POST", "/volumes-async", body, expect: 201, headers: headers)
        return try collect(handle)
    }

    /// Waits for a creation's end.
    func collect(_ handle: String) throws -> Volume {
        while true {
            let reply = try call("GET", "/volumes-async/\(handle)")
            if reply.status == 204 { continue }
            try call("DELETE", "/volumes-async/\(handle)")
            guard reply.status == 200 else { throw Refusal(reply: reply) }
            return Volume(try reply.json())
        }
    }

    func copy(of parent: String, privileged: Bool = false) throws -> Volume {
        try create(["type": "cow", "volume": parent], privileged: privileged)
    }

    func find(_ handle: String) throws -> Volume {
        Volume(try ask("GET", "/volumes/\(handle)", expect: 200))
    }

    func handles(_ query: String = "") throws -> [String] {
        try ask("GET", "/volumes" + query, expect: 200).list.compactMap { $0["handle"].string }
    }

    func destroy(_ handle: String) throws { try ask("DELETE", "/volumes/\(handle)", expect: 204) }

    func setPrivileged(_ handle: String, _ value: Bool) throws {
        try ask("PUT", "/volumes/\(handle)/privileged", ["value": value], expect: 204)
    }

    /// What clients are told of a volume.
    struct Volume: Equatable, Sendable {
        let handle: String
        let path: String
        let isPrivileged: Bool

        init(_ json: JSON) {
            handle = json["handle"].string ?? ""
            path = json["path"].string ?? ""
            isPrivileged = json["privileged"].value as? Bool ?? false
        }
    }

    // MARK: archives

    /// Sends an archive, chunked, and answers the reply.
    @discardableResult
    func streamIn(
        _ handle: String, _ archive: [UInt8], path: String = ".", encoding: String? = "raw", limit: String? = nil
    ) throws -> Reply {
        let wire = try Wire(to: address)
        var query = "?path=\(path)"
        if let limit { query += "&limit=\(limit)" }
        var head = "PUT /volumes/\(handle)/stream-in\(query) HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n"
        if let encoding { head += "Content-Encoding: \(encoding)\r\n" }
        try wire.send(head + "Connection: close\r\n\r\n")
        var rest = archive[...]
        do {
            while !rest.isEmpty {
                let piece = rest.prefix(64 << 10)
                rest = rest.dropFirst(piece.count)
                try wire.send(Array((String(piece.count, radix: 16) + "\r\n").utf8) + piece + Array("\r\n".utf8))
            }
            try wire.send("0\r\n\r\n")
        } catch is Wire.Failure {
            // A worker that has seen enough answers before the end.
        }
        return try Reply(wire)
    }

    /// An archive that came back, or why none did.
    struct Archive {
        let status: Int
        let body: [UInt8]
        /// Whether the last chunk came: without it the archive is cut off.
        let isComplete: Bool
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    func streamOut(_ handle: String, path: String = ".", encoding: String? = "raw") throws -> Archive {
        let wire = try Wire(to: address)
        let accept = encoding.map { ["Accept-Encoding: \($0)"] } ?? []
        try wire.send(
            Garden.request(
                "PUT", "/volumes/\(handle)/stream-out?path=\(path)", nil, headers: accept + ["Content-Length: 0"]))
        let head = ReplyHead(try wire.text(through: "\r\n\r\n"))
        guard head.headers["transfer-encoding"] == "chunked" else {
            let body = try wire.take(head.headers["content-length"].flatMap { Int($0) } ?? 0)
            return Archive(status: head.status, body: body, isComplete: true)
        }
        var body: [UInt8] = []
        do {
            while true {
                // The line break is one character.
                let line = try wire.text(through: "\r\n").dropLast()
                guard let count = Int(line, radix: 16) else { throw Wire.Failure(description: "chunk \(line)") }
                body += try wire.take(count)
                _ = try wire.take(2)
                if count == 0 { return Archive(status: head.status, body: body, isComplete: true) }
            }
        } catch is Wire.Failure {
            return Archive(status: head.status, body: body, isComplete: false)
        }
    }

    /// A file's contents, taken as the orchestrator takes single files.
    func read(_ handle: String, _ path: String) throws -> String {
        let archive = try streamOut(handle, path: path, encoding: "raw")
        guard archive.status == 200, archive.isComplete else {
            throw Wire.Failure(description: "stream-out of \(path): \(archive.status) \(archive.text.prefix(300))")
        }
        return try Tarball(archive.body).contents()
    }
}

/// An archive on this side, made and read with the host's tar.
struct Tarball {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Packs what a script leaves in an empty directory.
    init(script: String, format: String = "") throws {
        let scratch = try Scratch()
        let path = scratch.path
        try runProgram(
            "bash", "-c",
            "mkdir \(path)/tree; cd \(path)/tree; \(script)\ntar --numeric-owner \(format) -cf ../out.tar .")
        bytes = try KernelFile.open("\(path)/out.tar").readContents(limit: 1 << 30, "out.tar")
    }

    /// The contents of its only file.
    func contents() throws -> String { try inspect("tar -xOf ../in.tar") }

    /// The names in it, sorted.
    func names() throws -> [String] {
        try inspect("tar -tf ../in.tar").split(separator: "\n").map(String.init).sorted()
    }

    /// What a script says about it, run in an empty directory beside `../in.tar`.
    func inspect(_ script: String) throws -> String {
        let scratch = try Scratch()
        try scratch.directory.write("in.tar", bytes, mode: 0o600)
        return try runProgram("bash", "-c", "mkdir \(scratch.path)/tree; cd \(scratch.path)/tree; \(script)")
    }

    /// As it is after a program has read it on its standard input.
    func through(_ program: String) throws -> [UInt8] {
        let scratch = try Scratch()
        try scratch.directory.write("in", bytes, mode: 0o600)
        try runProgram("bash", "-c", "\(program) <\(scratch.path)/in >\(scratch.path)/out")
        return try KernelFile.open("\(scratch.path)/out").readContents(limit: 1 << 30, "out")
    }
}
