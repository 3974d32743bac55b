internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import Telemetry

/// Leads every request to its route and its reply to the client, with a span around it.
struct Dispatcher: Sendable {
    let table: RouteTable
    let requestTimeout: Duration
    let logger: Logger

    /// How long a client may go on sending a body that was refused; then the connection is closed under its hands.
    private static let refusedBodySeconds: Int64 = 5

    /// Answers one request. Concurrent like the library's own code, since its writer cannot cross isolations.
    @concurrent
    func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let (path, query) = Self.target(request.head.path ?? "")
        let match = table.match(request.method, path: path)
        var route: Route?
        if case .route(let found, _, _) = match { route = found }
        let span = RequestSpan(
            request.head, route: route?.template, path: path, channel: channel, isUnseen: route?.parent == .unseen)
        if request.headers[.expect]?.lowercased() == "100-continue" {
            try await writer.writeInformationalHead(HTTPResponse(status: .continue))
        }
        let reply = await reply(to: request, match, span, query, channel)
        guard case .taken(let body) = reply.body else {
            // The span ends first, so that a client that has its answer finds the span complete.
            span.end(reply)
            return try await send(reply, to: request, timing: span.serverTiming, writer, channel)
        }
        await handOver(reply, body, span, channel)
    }

    private func reply(
        to request: Request, _ match: RouteTable.Match, _ span: RequestSpan, _ query: Substring, _ channel: any Channel
    ) async -> Reply {
        switch match {
        case .unknown: return .text("404 page not found", status: .notFound)
        case .malformed: return .text("400 Bad Request: invalid URL escape", status: .badRequest)
        case .wrongMethod(let allowed):
            var reply = Reply.text("Method Not Allowed", status: .methodNotAllowed)
            reply.headers[.allow] = allowed.joined(separator: ", ")
            return reply
        case .route(let route, let group, let parameters):
            let exchange = Exchange(
                request: request, span: span, parameters: parameters, query: query, channel: channel)
            if route.parent == .headers { span.open() }
            do {
                return try await span.run {
                    guard route.isTimed else { return try await route.handler(exchange) }
                    return try await withTimeLimit(requestTimeout, on: channel.eventLoop) {
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

    @concurrent
    private func send(
        _ reply: Reply, to request: Request, timing: String?, _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        // A client of HTTP/1.0 may take the end of the connection for the end of the reply.
        let isVersion10 = (try? await TakenConnection.isVersion10(channel)) ?? false
        let closes =
            reply.closesConnection || isVersion10 || request.headers[.connection]?.lowercased() == "close"
        var head = HTTPResponse(status: reply.status, headerFields: reply.headers)
        head.headerFields[.date] = HTTPDate.now
        head.headerFields[.serverTiming] = timing
        if closes { head.headerFields[.connection] = "close" }
        switch reply.body {
        case .bytes(let bytes):
            head.headerFields[.contentLength] = String(bytes.count)
            let body = request.method == .head ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            try await writer.write(response: head, body: body)
        case .stream(let body):
            var parts: any ResponseBodyWriter = try await writer.writeHead(head)
            try await body(&parts)
            try await parts.finish(nil)
        case .taken: preconditionFailure("taken connections are handed over")
        }
        // The library reads the rest of the body and drops it. Closing at once would reset the connection, and the
        // client would lose the reply that tells why; but nobody may go on for ever.
        if isVersion10, !reply.closesConnection { return await TakenConnection.close(channel) }
        if reply.closesConnection {
            channel.eventLoop.scheduleTask(in: .seconds(Self.refusedBodySeconds)) { channel.close(promise: nil) }
        }
    }

    private func handOver(
        _ reply: Reply, _ body: @escaping @Sendable (TakenConnection?) async -> Void, _ span: RequestSpan,
        _ channel: any Channel
    ) async {
        var connection: TakenConnection?
        do {
            var taken = try await TakenConnection.takeOver(channel, drains: reply.drains)
            let head = Self.head(of: reply, isVersion10: taken.isVersion10)
            if reply.leavesHead { taken.unsentHead = head } else { try await taken.write(head) }
            connection = taken
        } catch {
            logger.debug("client left before its stream began: \(error)")
        }
        span.end(reply)
        await span.run {
            guard let connection else {
                await body(nil)
                try? await channel.close(mode: .all).get()
                return
            }
            await connection.run { [connection] in await body(connection) }
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

extension HTTPField.Name {
    fileprivate static let serverTiming = HTTPField.Name(known: "Server-Timing")
}
