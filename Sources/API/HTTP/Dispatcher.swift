internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import Telemetry

/// Leads every request to its route and its reply to the client, with a span around it.
struct Dispatcher: Sendable {
    let table: RouteTable
    let requestTimeout: Duration
    let logger: Logger

    /// Answers one request.
    func respond(to request: Request, _ connection: ServerConnection) async {
        let (path, query) = Self.target(request.target)
        let match = table.match(request.method, path: path)
        var route: Route?
        if case .route(let found, _, _) = match { route = found }
        let span = RequestSpan(
            request, route: route?.template, path: path, channel: connection.channel,
            isUnseen: route?.parent == .unseen)
        if route?.endsAtShutdown == true { connection.endAtShutdown() }
        if request.headers[.expect]?.lowercased() == "100-continue" {
            connection.write("HTTP/1.1 100 Continue\r\n\r\n")
        }
        let reply = await reply(to: request, match, span, query, connection.channel.eventLoop)
        switch reply.body {
        case .bytes(let bytes):
            // The span ends first, so that a client that has its answer finds the span complete.
            span.end(reply)
            send(reply, bytes, to: request, timing: span.serverTiming, connection)
        case .taken(let body): await handOver(reply, body, request, span, connection)
        }
    }

    private func reply(
        to request: Request, _ match: RouteTable.Match, _ span: RequestSpan, _ query: Substring,
        _ loop: any EventLoop
    ) async -> Reply {
        switch match {
        case .unknown: return .text("404 page not found", status: .notFound)
        case .malformed: return .text("400 Bad Request: invalid URL escape", status: .badRequest)
        case .wrongMethod(let allowed):
            var reply = Reply.text("Method Not Allowed", status: .methodNotAllowed)
            reply.headers[.allow] = allowed.joined(separator: ", ")
            return reply
        case .route(let route, let group, let parameters):
            if !group.servesBrowsers, let refusal = BrowserRule.refusal(of: request) { return refusal }
            let exchange = Exchange(request: request, span: span, parameters: parameters, query: query)
            if route.parent == .headers { span.open() }
            do {
                return try await span.run {
                    guard route.isTimed else { return try await route.handler(exchange) }
                    return try await withTimeLimit(requestTimeout, on: loop) {
                        try await route.handler(exchange)
                    }
                }
            } catch {
                logger.debug("request failed: \(error)", metadata: ["route": "\(route.template)"])
                var reply = group.errorReply(error)
                reply.failure = error
                if reply.status == .contentTooLarge { reply.closesConnection = true }
                return reply
            }
        }
    }

    private func send(
        _ reply: Reply, _ bytes: [UInt8], to request: Request, timing: String?, _ connection: ServerConnection
    ) {
        let closes =
            reply.closesConnection || request.isVersion10 || request.headers[.connection]?.lowercased() == "close"
        var text = "HTTP/1.1 \(reply.status.code) \(reply.status.reasonPhrase)\r\nDate: \(HTTPDate.now)\r\n"
        for field in reply.headers { text += "\(field.name.rawName): \(field.value)\r\n" }
        if let timing { text += "Server-Timing: \(timing)\r\n" }
        if closes { text += "Connection: close\r\n" }
        // A reply without content has no length either (RFC 9110 §8.6).
        if reply.status != .noContent { text += "Content-Length: \(bytes.count)\r\n" }
        text += "\r\n"
        var buffer = connection.channel.allocator.buffer(capacity: text.utf8.count + bytes.count)
        buffer.writeString(text)
        if request.method != .head { buffer.writeBytes(bytes) }
        connection.answer(buffer, closes: closes, limitsBody: reply.closesConnection)
    }

    private func handOver(
        _ reply: Reply, _ body: @escaping @Sendable (TakenConnection?) async -> Void, _ request: Request,
        _ span: RequestSpan, _ connection: ServerConnection
    ) async {
        var taken: TakenConnection?
        do {
            var raw = try await TakenConnection.takeOver(
                connection, isVersion10: request.isVersion10, drains: reply.drains)
            let head = Self.head(of: reply, isVersion10: request.isVersion10)
            if reply.leavesHead { raw.unsentHead = head } else { try await raw.write(head) }
            taken = raw
        } catch {
            logger.debug("client left before its stream began: \(error)")
        }
        span.end(reply)
        await span.run {
            guard let taken else {
                await body(nil)
                return connection.channel.close(promise: nil)
            }
            await body(taken)
            taken.close()
        }
    }

    /// The head of a connection that is raw from there on. It says chunked and the bytes are not: Garden's clients want
    /// a head that leaves the end of the body open, and then read the connection itself. A client of HTTP/1.0, which
    /// knows no chunks, gets all of it as a body that ends with the connection: so curl can follow a process.
    private static func head(of reply: Reply, isVersion10: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(reply.status.code) \(reply.status.reasonPhrase)\r\n"
        if let type = reply.headers[.contentType] { head += "Content-Type: \(type)\r\n" }
        let framing = isVersion10 ? "Connection: close" : "Transfer-Encoding: chunked"
        if !isVersion10, let next = reply.headers[.connection] { head += "Connection: \(next)\r\n" }
        head += "Date: \(HTTPDate.now)\r\n\(framing)\r\n\r\n"
        return Array(head.utf8)
    }

    /// Path and query of a request target, which is absolute when a proxy sent it (RFC 9112 §3.2.2).
    private static func target(_ target: String) -> (path: Substring, query: Substring) {
        var rest = target[...]
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst(7)
            rest = rest[(rest.firstIndex(of: "/") ?? rest.endIndex)...]
        }
        guard let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (rest, "") }
        return (rest[..<mark], rest[rest.utf8.index(after: mark)...])
    }
}
