internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import NIOPosix

/// OTLP/gRPC: one unary call at a time on one connection of HTTP/2 that is kept alive.
///
/// A unary call is one message in a frame of five bytes and a status in the trailers, so it stands on swift-nio-http2
/// alone. The general gRPC library would bring its runtime, generated messages and their library for the sake of this
/// one call, whose message is encoded here already.
final class GRPCTransport: Transport {
    let configuration: OTLPConfiguration
    private let dialer: Dialer
    private var connection: (channel: any Channel, streams: NIOHTTP2Handler.StreamMultiplexer)?

    init(_ configuration: OTLPConfiguration, group: MultiThreadedEventLoopGroup) {
        self.configuration = configuration
        dialer = Dialer(configuration: configuration, group: group, protocols: ["h2"])
    }

    var isConnected: Bool { connection?.channel.isActive == true }

    func close() {
        connection?.channel.close(promise: nil)
        connection = nil
    }

    func attempt(_ request: Request, _ deadline: NIODeadline) throws -> Delivery {
        let (channel, streams) = try connected(deadline)
        let promise = channel.eventLoop.makePromise(of: GRPCReply.self)
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) { promise.fail(TransportError.timedOut) }
        defer { timer.cancel() }
        let call = GRPCCall(headers: headers(request, deadline), message: Self.frame(request), reply: promise)
        let opened = channel.eventLoop.makePromise(of: (any Channel).self)
        opened.futureResult.whenFailure { promise.fail($0) }
        streams.createStreamChannel(promise: opened) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(GRPCCallHandler(call))
            }
        }
        return try promise.futureResult.wait().delivery
    }

    private func connected(
        _ deadline: NIODeadline
    ) throws -> (channel: any Channel, streams: NIOHTTP2Handler.StreamMultiplexer) {
        if let connection, connection.channel.isActive { return connection }
        close()
        let left = (deadline - .now()).nanoseconds / 1_000_000
        if left <= 0 { throw TransportError.timedOut }
        let channel = try dialer.connect(milliseconds: left) { channel in
            _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
            ) { stream in
                // A collector opens no streams; one that does gets nothing.
                stream.close()
            }
            try channel.pipeline.syncOperations.addHandler(CloseOnErrorHandler())
        }
        let streams = try channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self).syncMultiplexer()
        }.wait()
        connection = (channel, streams)
        return (channel, streams)
    }

    private func headers(_ request: Request, _ deadline: NIODeadline) -> HPACKHeaders {
        let endpoint = configuration.endpoint
        let left = max(1, (deadline - .now()).nanoseconds / 1_000_000)
        var headers = HPACKHeaders([
            (":method", "POST"), (":scheme", endpoint.isSecure ? "https" : "http"),
            (":path", configuration.signal.grpcPath),
            (":authority", endpoint.authority), ("te", "trailers"), ("content-type", "application/grpc"),
            ("grpc-timeout", "\(min(left, 99_999_999))m"), ("user-agent", configuration.userAgent),
        ])
        if request.isCompressed { headers.add(name: "grpc-encoding", value: "gzip") }
        for header in configuration.headers {
            headers.replaceOrAdd(name: header.name.lowercased(), value: header.value)
        }
        return headers
    }

    /// A message with its prefix: whether it is compressed, and its length, big-endian.
    private static func frame(_ request: Request) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.reserveCapacity(request.body.count + 5)
        frame.writeInteger(request.isCompressed ? 1 : 0, as: UInt8.self)
        frame.writeInteger(UInt32(request.body.count))
        frame.writeBytes(request.body)
        return frame
    }
}

/// A call, and who waits for its reply.
private struct GRPCCall: Sendable {
    let headers: HPACKHeaders
    let message: ByteBuffer
    let reply: EventLoopPromise<GRPCReply>
}

/// Ends a connection on which something went wrong; its streams end with it.
private final class CloseOnErrorHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// One call on a stream of its own.
private final class GRPCCallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let call: GRPCCall
    private var reply = GRPCReply()

    init(_ call: GRPCCall) { self.call = call }

    func channelActive(context: ChannelHandlerContext) {
        let head = HTTP2Frame.FramePayload.headers(.init(headers: call.headers))
        let message = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(call.message), endStream: true))
        context.write(wrapOutboundOut(head), promise: nil)
        context.writeAndFlush(wrapOutboundOut(message), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            reply.add(frame.headers)
            if frame.endStream { call.reply.succeed(reply) }
        case .data(let frame):
            if case .byteBuffer(let part) = frame.data { reply.body.append(contentsOf: part.readableBytesView) }
            if reply.body.count > TransportError.replyBytesMax {
                call.reply.fail(TransportError.replyTooLarge)
                context.close(promise: nil)
            } else if frame.endStream {
                call.reply.succeed(reply)
            }
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        call.reply.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        call.reply.fail(TransportError.closedBeforeReply)
        context.fireChannelInactive()
    }
}
