internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization
internal import Telemetry
internal import Worker

/// One archive sent to another worker, over HTTP/1.1.
struct PeerRequest: Sendable {
    /// What the other worker said.
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var body = ""

        /// The reason within, when it is in the form that workers use.
        fileprivate var reason: String {
            guard let value = try? JSONParser.parse(Array(body.utf8)), let object = try? JSONObject(value),
                let text = try? object.string("error")
            else { return String(body.drop { $0.isWhitespace }.prefix(PeerRequest.shownBytes)) }
            return text
        }
    }

    /// Bytes of an answer that are kept; the rest is dropped.
    static let answerLimit = 64 << 10
    /// Characters that are shown of an answer in another form.
    private static let shownBytes = 512

    private let channel: any Channel
    private let url: PeerURL
    private let answer: PeerAnswer

    /// Connects.
    static func connect(to url: PeerURL, _ settings: PeerSettings) async throws -> PeerRequest {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(settings.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: settings.idleTimeout))
                    try pipeline.addHTTPClientHandlers()
                }
            }
        let channel: any Channel
        do {
            if let address = try? SocketAddress(ipAddress: url.host, port: url.port) {
                channel = try await bootstrap.connect(to: address).get()
            } else {
                channel = try await bootstrap.connect(host: url.host, port: url.port).get()
            }
        } catch {
            throw VolumeError(.unavailable, "connect to \(url.authority): \(error)")
        }
        return try await PeerRequest(channel, url, settings)
    }

    /// Begins to listen for the answer, on the one connection that is used of those that were tried.
    private init(_ channel: any Channel, _ url: PeerURL, _ settings: PeerSettings) async throws {
        let answer = PeerAnswer(promise: channel.eventLoop.makePromise())
        try await channel.eventLoop.submit {
            // Too late to be told that the connection has ended.
            guard channel.isActive else { return answer.fail(ChannelError.ioOnClosedChannel) }
            let handler = PeerAnswerHandler(answer, idleTimeout: settings.idleTimeout)
            do { try channel.pipeline.syncOperations.addHandler(handler) } catch { answer.fail(error) }
        }.get()
        self.channel = channel
        self.url = url
        self.answer = answer
    }

    /// Sends an archive and waits for the other worker's word. Ends the download in any case.
    /// - Throws: what the other worker refused it with; what cut the connection; what is wrong with the archive
    func send(
        _ download: ArchiveDownload, _ encoding: ArchiveEncoding, context: TraceContext
    ) async throws -> (TransferStatistics, Answer) {
        let (channel, answer) = (channel, answer)
        return try await withTaskCancellationHandler {
            var statistics = TransferStatistics()
            do {
                do { try await channel.writeAndFlush(HTTPClientRequestPart.head(head(encoding, context))).get() } catch
                {
                    await download.abandon("\(url.authority) has gone: \(error)")
                    throw ArchiveDownload.Undelivered(cause: error)
                }
                statistics = try await download.send { try await write($0) }
                try await channel.writeAndFlush(HTTPClientRequestPart.end(nil)).get()
            } catch is ArchiveDownload.Undelivered {
                // What it said before it hung up tells more, and else how the connection ended.
                throw await reason()
            }
            let said: Answer
            do { said = try await answer.wait() } catch {
                throw VolumeError(.failed, "no answer of \(url.authority): \(error)")
            }
            guard (200..<300).contains(said.status.code) else { throw refusal(said) }
            return (statistics, said)
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Hangs up. An archive that is not complete is cut, and the other worker sees that.
    func close() async {
        // Fails when the other side was faster.
        try? await channel.close().get()
    }

    private func write(_ buffers: [ByteBuffer]) async throws {
        if answer.isSettled { throw PeerAnswer.Early() }
        for buffer in buffers.dropLast() {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(buffer)), promise: nil)
        }
        guard let last = buffers.last else { return }
        try await channel.writeAndFlush(HTTPClientRequestPart.body(.byteBuffer(last))).get()
    }

    private func head(_ encoding: ArchiveEncoding, _ context: TraceContext) -> HTTPRequestHead {
        var headers = HTTPHeaders([
            ("Host", url.authority), ("Content-Encoding", encoding.rawValue), ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
        ])
        for (name, value) in context.outboundHeaders { headers.add(name: name, value: value) }
        return HTTPRequestHead(version: .http1_1, method: .PUT, uri: url.target, headers: headers)
    }

    private func reason() async -> VolumeError {
        do { return refusal(try await answer.wait()) } catch {
            return VolumeError(.failed, "sending to \(url.authority): \(error)")
        }
    }

    private func refusal(_ answer: Answer) -> VolumeError {
        let reason = answer.reason
        let status = "\(url.authority) answered \(answer.status.code) \(answer.status.reasonPhrase)"
        return VolumeError(.failed, reason.isEmpty ? status : "\(status): \(reason)")
    }
}

/// The answer of another worker, while it is awaited.
private final class PeerAnswer: Sendable {
    /// It answered before it had everything, hence does not want the rest.
    struct Early: Error, CustomStringConvertible {
        let description = "answered before it had everything"
    }

    private let promise: EventLoopPromise<PeerRequest.Answer>
    private let settled = Atomic<Bool>(false)

    init(promise: EventLoopPromise<PeerRequest.Answer>) { self.promise = promise }

    var isSettled: Bool { settled.load(ordering: .acquiring) }

    func wait() async throws -> PeerRequest.Answer { try await promise.futureResult.get() }

    func succeed(_ answer: PeerRequest.Answer) {
        if !settled.exchange(true, ordering: .acquiringAndReleasing) { promise.succeed(answer) }
    }

    func fail(_ error: any Error) {
        if !settled.exchange(true, ordering: .acquiringAndReleasing) { promise.fail(error) }
    }
}

/// Reads the answer. All methods run on the connection's event loop.
private final class PeerAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: PeerAnswer
    private let idleTimeout: TimeAmount
    private var received: PeerRequest.Answer?

    init(_ answer: PeerAnswer, idleTimeout: TimeAmount) {
        self.answer = answer
        self.idleTimeout = idleTimeout
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): received = PeerRequest.Answer(status: head.status)
        case .body(let buffer):
            let room = PeerRequest.answerLimit - (received?.body.utf8.count ?? 0)
            received?.body += String(decoding: buffer.readableBytesView.prefix(max(room, 0)), as: UTF8.self)
        case .end:
            if let received { answer.succeed(received) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
        end(context, VolumeError(.failed, "nothing moved for \(idleTimeout.nanoseconds / 1_000_000) ms"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, VolumeError(.failed, "connection closed"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, error) }

    private func end(_ context: ChannelHandlerContext, _ error: any Error) {
        // A head without the rest of its body says enough, when it is a refusal.
        if let received, received.status.code >= 300 { answer.succeed(received) } else { answer.fail(error) }
        context.close(promise: nil)
    }
}
