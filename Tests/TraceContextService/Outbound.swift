import NIOCore
import NIOHTTP1
import NIOPosix

/// Requests to others.
enum Outbound {
    /// What could not be done.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Sends a body of JSON and waits until the answer is complete.
    static func post(_ url: String, headers: [(name: String, value: String)], body: [UInt8]) async throws {
        let scheme = "http://"
        guard url.hasPrefix(scheme) else { throw Failure(description: "not an http address: \(url)") }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]) else { throw Failure(description: "no port: \(url)") }
        let answer = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(AnswerReader(answer))
                }
            }
            .connect(host: String(parts[0]), port: port).get()
        var fields = HTTPHeaders([
            ("Host", String(authority)), ("Content-Type", "application/json"), ("Content-Length", "\(body.count)"),
            ("Connection", "close"),
        ])
        for (name, value) in headers { fields.add(name: name, value: value) }
        let path = String(rest.dropFirst(authority.count))
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: fields)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        try await channel.writeAndFlush(HTTPClientRequestPart.end(nil)).get()
        try await answer.futureResult.get()
        try? await channel.close().get()
    }

    /// Waits for the end of the answer.
    private final class AnswerReader: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let answer: EventLoopPromise<Void>

        init(_ answer: EventLoopPromise<Void>) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .end = unwrapInboundIn(data) { answer.succeed() }
        }

        func channelInactive(context: ChannelHandlerContext) {
            answer.fail(Failure(description: "closed before the answer was complete"))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answer.fail(error)
            context.close(promise: nil)
        }
    }
}
