internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Asks the operations server of a running worker; `apron trace` and `apron top` are made of its answers.
public struct OperationsClient: Sendable {
    /// What the worker said.
    public struct Answer: Sendable {
        /// The status of HTTP.
        public var status: Int
        /// The headers' values, by their names in lower case.
        public var headers: [String: String] = [:]
        /// The body.
        public var body: [UInt8] = []

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Why there is no answer.
    public struct Failure: Error, CustomStringConvertible, Sendable {
        /// A sentence.
        public let description: String
    }

    /// The largest answer that is taken, bytes: the state of thousands of containers has some MiB.
    private static let bodyMax = 64 << 20
    /// How long a connection or silence may last, seconds.
    private static let patience: Int64 = 10

    private let host: String
    private let port: Int

    /// The URL of the server.
    public var url: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// A server by its URL, `http://HOST[:PORT][/]`; nil for anything else.
    public init?(url: String) {
        guard url.hasPrefix("http://") else { return nil }
        var rest = url.dropFirst(7)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var host: Substring
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest.dropFirst(host.count)
        }
        guard !host.isEmpty, !host.contains("/"), rest.isEmpty || rest.hasPrefix(":") else { return nil }
        guard let port = rest.isEmpty ? 80 : Int(rest.dropFirst()), 1...65535 ~= port else { return nil }
        self.host = String(host)
        self.port = port
    }

    /// Asks for a path with its query.
    public func get(_ path: String) async throws -> Answer {
        let answer = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Answer.self)
        let bootstrap = ClientBootstrap(group: answer.futureResult.eventLoop)
            .connectTimeout(.seconds(Self.patience))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(Self.patience)))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(AnswerHandler(answer, bodyMax: Self.bodyMax))
                }
            }
        let channel: any Channel
        do { channel = try await bootstrap.connect(host: host, port: port).get() } catch {
            answer.fail(error)
            throw Failure(description: "no worker answers at \(url): \(error)")
        }
        let headers = HTTPHeaders([("Host", String(url.dropFirst(7))), ("Connection", "close")])
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        do { return try await answer.futureResult.get() } catch {
            throw Failure(description: "\(url)\(path): \(error)")
        }
    }
}

/// Collects the answer. All methods run on the connection's event loop.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<OperationsClient.Answer>
    private let bodyMax: Int
    private var answer = OperationsClient.Answer(status: 0)
    private var isOver = false

    init(_ promise: EventLoopPromise<OperationsClient.Answer>, bodyMax: Int) {
        self.promise = promise
        self.bodyMax = bodyMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer.status = Int(head.status.code)
            for (name, value) in head.headers { answer.headers[name.lowercased()] = value }
        case .body(let buffer):
            answer.body.append(contentsOf: buffer.readableBytesView)
            if answer.body.count > bodyMax { end(context, "the answer is larger than \(bodyMax) bytes") }
        case .end:
            if isOver { return }
            isOver = true
            promise.succeed(answer)
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
        end(context, "no answer within some seconds")
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, "the connection was closed")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, "\(error)") }

    private func end(_ context: ChannelHandlerContext, _ reason: String) {
        if isOver { return }
        isOver = true
        promise.fail(OperationsClient.Failure(description: reason))
        context.close(promise: nil)
    }
}
