internal import HTTPTypes
internal import Logging
internal import Worker

// Archives into and out of volumes.
extension BaggageclaimRoutes {
    var streamRoutes: [Route] {
        [
            handleRoute(.put, "/volumes/:handle/stream-in", .streamIn) { exchange, handle in
                do { return try await streamIn(exchange, handle) } catch let error where !(error is CancellationError) {
                    logger.debug("stream-in failed: \(error)", metadata: ["handle": "\(handle)"])
                    var reply = VolumeOperation.streamIn.reply(to: error)
                    // The rest of the body is not wanted.
                    reply.closesConnection = true
                    return reply
                }
            },
            handleRoute(.put, "/volumes/:handle/stream-out", .streamOut) { exchange, handle in
                try await streamOut(exchange, handle)
            },
        ]
    }

    private func streamIn(_ exchange: Exchange, _ handle: String) async throws -> Reply {
        let query = exchange.query
        let limit = try StreamLimit.parse(query.first { $0.key == "limit" }?.value)
        let encoding = try ArchiveEncoding(header: exchange.request.headers[.contentEncoding], "Content-Encoding")
        let path = query.first { $0.key == "path" }?.value ?? ""
        let transfer = try await volumes.streamIn(handle, path: path, encoding: encoding)
        let result = try await ArchiveUpload(transfer: transfer, limit: limit).run(exchange)
        for warning in result.report.warnings {
            logger.debug("stream-in: \(warning)", metadata: ["handle": "\(handle)"])
        }
        var reply = Reply.noContent
        reply.closesConnection = !result.isWhole
        return reply
    }

    private func streamOut(_ exchange: Exchange, _ handle: String) async throws -> Reply {
        let encoding = try ArchiveEncoding(header: exchange.request.headers[.acceptEncoding], "Accept-Encoding")
        let path = exchange.query.first { $0.key == "path" }?.value ?? ""
        // Nothing is expected, but a connection can only be taken over behind the end of its request.
        _ = try await exchange.body()
        let transfer = try await volumes.streamOut(handle, path: path, encoding: encoding)
        let download = try await ArchiveDownload.begin(transfer)
        return .volumeStream { connection in
            guard let connection else { return await download.abandon("receiver has gone before the first byte") }
            let body = ChunkedBody(connection: connection)
            do {
                try await download.send { try await body.write($0) }
                try await body.end()
            } catch {
                // The connection ends without the last chunk, so that the client knows that bytes are missing.
                logger.debug("stream-out ended: \(error)", metadata: ["handle": "\(handle)"])
            }
        }
    }
}

extension ArchiveEncoding {
    /// The encoding that a header names, in exactly these words.
    init(header value: String?, _ name: String) throws(RefusedRequest) {
        guard let value else { throw .bad("\(name) is missing") }
        guard let encoding = ArchiveEncoding(rawValue: value) else { throw .bad("unsupported \(name) '\(value)'") }
        self = encoding
    }
}

extension Reply {
    /// A body that may break off, on a connection of its own.
    static func volumeStream(
        contentType: String? = nil, _ body: @escaping @Sendable (TakenConnection?) async -> Void
    ) -> Reply {
        var reply = Reply.taken(status: .ok, contentType: contentType, body)
        reply.headers[.connection] = "close"
        reply.drains = true
        return reply
    }
}
