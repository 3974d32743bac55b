internal import Kernel
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// OTLP/HTTP over one connection of HTTP/1.1 that is kept alive.
///
/// Straight on NIO: one request at a time on one connection needs no pool, which is most of what a general client is,
/// and there is no tracing in it that would make spans of the exporter's own requests.
final class HTTPTransport: Transport {
    let configuration: OTLPConfiguration
    private let dialer: Dialer
    private var channel: (any Channel)?

    /// The decoder of a connection, made by one thread before those of spans and of metrics may do so at the same time:
    /// Swift's runtime (6.3.1) does not stand that, see `ServerConnection.types`.
    private static let decoder: any Any.Type = ByteToMessageHandler<HTTPResponseDecoder>.self

    init(_ configuration: OTLPConfiguration, group: MultiThreadedEventLoopGroup) {
        _ = HTTPTransport.decoder
        self.configuration = configuration
        dialer = Dialer(configuration: configuration, group: group, protocols: ["http/1.1"])
    }

    var isConnected: Bool { channel?.isActive == true }

    func close() {
        channel?.close(promise: nil)
        channel = nil
    }

    func attempt(_ request: Request, _ deadline: NIODeadline) throws -> Delivery {
        let channel = try connected(deadline)
        let promise = channel.eventLoop.makePromise(of: HTTPReply.self)
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) { promise.fail(TransportError.timedOut) }
        defer { timer.cancel() }
        channel.writeAndFlush(
            HTTPCall(head: head(request), body: ByteBuffer(bytes: request.body), reply: promise), promise: nil)
        let reply = try promise.futureResult.wait()
        if !reply.keepsAlive { close() }
        return .http(
            status: reply.status, retryAfter: reply.retryAfter, body: reply.body,
            isJSON: reply.contentType?.hasPrefix("application/json") ?? false,
            now: Int64(realTime() / 1_000_000_000))
    }

    private func connected(_ deadline: NIODeadline) throws -> any Channel {
        if let channel, channel.isActive { return channel }
        close()
        let left = (deadline - .now()).nanoseconds / 1_000_000
        if left <= 0 { throw TransportError.timedOut }
        let channel = try dialer.connect(milliseconds: left) { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(HTTPCallHandler())
        }
        self.channel = channel
        return channel
    }

    private func head(_ request: Request) -> HTTPRequestHead {
        let endpoint = configuration.endpoint
        var headers = HTTPHeaders()
        headers.add(name: "host", value: endpoint.authority)
        headers.add(name: "user-agent", value: configuration.userAgent)
        for header in configuration.headers {
            headers.replaceOrAdd(name: header.name.lowercased(), value: header.value)
        }
        headers.replaceOrAdd(name: "content-type", value: request.contentType)
        headers.replaceOrAdd(name: "content-length", value: "\(request.body.count)")
        if request.isCompressed { headers.replaceOrAdd(name: "content-encoding", value: "gzip") }
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: endpoint.path, headers: headers)
    }
}

/// A request, and who waits for its reply.
private struct HTTPCall: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer
    let reply: EventLoopPromise<HTTPReply>
}

/// What came back.
private struct HTTPReply: Sendable {
    let status: Int
    let retryAfter: String?
    let contentType: String?
    let keepsAlive: Bool
    var body: [UInt8] = []

    init(_ head: HTTPResponseHead) {
        status = Int(head.status.code)
        retryAfter = head.headers.first(name: "retry-after")
        contentType = head.headers.first(name: "content-type")?.lowercased()
        keepsAlive = head.isKeepAlive
    }
}

/// Turns a call into the parts of a request, and the parts of a response into a reply; one call at a time.
private final class HTTPCallHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPCall
    typealias OutboundOut = HTTPClientRequestPart

    private var waiting: EventLoopPromise<HTTPReply>?
    private var reply: HTTPReply?
    private var failure: (any Error)?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        guard context.channel.isActive, failure == nil else {
            call.reply.fail(failure ?? TransportError.closedBeforeReply)
            return
        }
        waiting = call.reply
        reply = nil
        context.write(wrapOutboundOut(.head(call.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(call.body))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): reply = HTTPReply(head)
        case .body(let part):
            reply?.body.append(contentsOf: part.readableBytesView)
            if (reply?.body.count ?? 0) > TransportError.replyBytesMax {
                end(context, TransportError.replyTooLarge)
            }
        case .end:
            if let reply { waiting?.succeed(reply) }
            waiting = nil
            reply = nil
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, error) }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, failure ?? TransportError.closedBeforeReply)
        context.fireChannelInactive()
    }

    private func end(_ context: ChannelHandlerContext, _ error: any Error) {
        failure = error
        waiting?.fail(error)
        waiting = nil
        reply = nil
        context.close(promise: nil)
    }
}
