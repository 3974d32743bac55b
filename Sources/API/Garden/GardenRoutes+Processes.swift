internal import HTTPTypes
internal import Logging
internal import Worker

// Programs in containers, and the connections that carry their input and output.
extension GardenRoutes {
    var processRoutes: [Route] {
        let process = "/processes/:pid"
        return [
            route(.post, "/processes", isTimed: true) { exchange, handle in
                let request = try WireProcessSpec.request(try await exchange.body())
                return stream(.created, try await containers.run(handle, request))
            },
            route(.get, process, isTimed: true) { exchange, handle in
                let pid = try NameRules.check(exchange["pid"], as: "process id")
                return stream(.ok, try await containers.attach(handle, pid))
            },
            route(.get, process + "/attaches/:streamid/stdout") { exchange, handle in
                try await output(.stdout, of: handle, exchange)
            },
            route(.get, process + "/attaches/:streamid/stderr") { exchange, handle in
                try await output(.stderr, of: handle, exchange)
            },
        ]
    }

    private func stream(_ status: Reply.Status, _ attachment: any ProcessAttachment) -> Reply {
        let stream = ProcessStream(attachment: attachment, logger: logger)
        var reply = Reply.taken(status: status, contentType: "application/json") { await stream.serve($0) }
        // The first payload follows at once.
        reply.leavesHead = true
        return reply
    }

    /// Output goes from the kernel's pipe to the socket without passing through here.
    private func output(_ kind: OutputKind, of handle: String, _ exchange: Exchange) async throws -> Reply {
        let pid = try NameRules.check(exchange["pid"], as: "process id")
        let streamID = exchange["streamid"]
        // An unknown container is an error; an unknown stream is an empty one, as in the reference server.
        try containers.check(handle)
        var reply = Reply.taken(status: .ok) { connection in
            guard let connection else { return }
            do {
                let socket = try await connection.duplicate()
                try await containers.stream(
                    kind, of: handle, pid, streamID: streamID, to: socket, after: connection.unsentHead)
            } catch {
                logger.debug("output ended: \(error)", metadata: ["handle": "\(handle)", "process": "\(pid)"])
                // Destroyed in between: the output is empty, as that of an unknown stream.
                try? await connection.write(connection.unsentHead)
            }
        }
        // A client that has the head is attached.
        reply.leavesHead = true
        return reply
    }
}
