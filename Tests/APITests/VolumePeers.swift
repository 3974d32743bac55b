import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

@testable import API

/// A second server in the same process, with nothing but volumes.
func withOtherServer(
    _ volumes: ScriptedVolumes, host: String = "127.0.0.1", _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let (addresses, announce) = AsyncStream<ListenAddress>.makeStream()
    let server = APIServer(
        APIServer.Configuration(addresses: [.tcp(host: host, port: 0)]),
        groups: [BaggageclaimRoutes(volumes, logger: logger).group], logger: logger
    ) { announce.yield($0) }
    let group = ServiceGroup(services: [server], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        for await case .tcp(_, let port) in addresses {
            try await body(port)
            break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// A peer that reads everything, answers these bytes to the first of it, and then hangs up or does not.
func withRawPeer(_ answer: String, hangsUp: Bool, _ body: (Int) async throws -> Void) async throws {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RawPeer(answer, hangsUp: hangsUp))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    try await body(server.localAddress?.port ?? 0)
    try await server.close().get()
}

private final class RawPeer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let answer: String
    private let hangsUp: Bool
    private var hasAnswered = false

    init(_ answer: String, hangsUp: Bool) {
        self.answer = answer
        self.hangsUp = hangsUp
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if hasAnswered { return }
        hasAnswered = true
        context.writeAndFlush(NIOAny(ByteBuffer(string: answer)), promise: nil)
        // Only its own side, so that nothing is lost with what it has not read.
        if hangsUp { context.close(mode: .output, promise: nil) }
    }
}

/// A port that was free a moment ago.
func closedPort() async throws -> Int {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = server.localAddress?.port ?? 0
    try await server.close().get()
    return port
}
