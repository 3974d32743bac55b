internal import Kernel
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// One listening address and its connections, all on one event loop: what is accepted changes no thread. Nothing on it
/// waits, and the output of programs does not pass through it.
struct HTTPServer: Sendable {
    let address: ListenAddress
    let dispatcher: Dispatcher
    let onListening: @Sendable (ListenAddress) async -> Void

    /// Connections that may wait to be accepted; after a restart all clients come back at once.
    private static let backlog: Int32 = 1024

    /// Serves until a graceful shutdown is complete, or until it is cancelled.
    func run() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        try await withTaskExecutorPreference(ForwardingExecutor { loop.execute($0) }) { try await serve(on: loop) }
    }

    // Only a concurrent function moves to where its task prefers to run; the tasks of requests follow it.
    @concurrent
    private func serve(on loop: any EventLoop) async throws {
        // Not more than one for each connection is in it.
        let (requests, queue) = AsyncStream.makeStream(of: (Request, ServerConnection).self)
        let connections = NIOLoopBound(OpenConnections { queue.finish() }, eventLoop: loop)
        let listener = try await listen(on: loop) { listener in
            connections.value.add(listener)
        } onConnection: { channel in
            connections.value.add(channel)
            try ServerConnection.prepare(channel) { queue.yield(($0, $1)) }
        }
        await Self.setOptions(of: listener)
        await onListening(address.resolved(by: listener.localAddress))
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await (request, connection) in requests {
                    group.addTask { await dispatcher.respond(to: request, connection) }
                }
            }
        } onGracefulShutdown: {
            loop.execute {
                listener.close(promise: nil)
                connections.value.quiesce()
            }
        }
        // Cancelled in the middle, there are still some.
        loop.execute { connections.value.closeAll() }
        try? await listener.closeFuture.get()
    }

    private func listen(
        on loop: any EventLoop, onListener: @escaping @Sendable (any Channel) -> Void,
        onConnection: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // One more attempt after each would nearly always be in vain, and not cheap: it makes a socket first.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { onListener(channel) } }
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try onConnection(channel) } }
        return switch address {
        case .tcp(let host, let port): try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path):
            try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        }
    }

    /// Sets a listening socket up; what it accepts inherits that (tcp(7)).
    ///
    /// Process streams may be silent for hours and must not be cut; probes alone tell a silent client from one whose
    /// host has gone. Probes begin after 30 s and the connection is given up after 6 of them, 10 s apart.
    private static func setOptions(of listener: any Channel) async {
        guard listener.localAddress?.ipAddress != nil else { return }
        let options: [(ChannelOptions.Types.SocketOption, Int)] = [
            (.tcpOption(.tcp_nodelay), 1), (.socketOption(.so_keepalive), 1), (.tcpOption(.keepIdle), 30),
            (.tcpOption(.keepInterval), 10), (.tcpOption(.keepCount), 6),
        ]
        for (option, value) in options { try? await listener.setOption(option, value: value).get() }
    }
}

/// A server's sockets that are open, the listening one included. Used on their event loop.
private final class OpenConnections {
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private let onLast: () -> Void

    /// - Parameter onLast: called when the last has gone
    init(onLast: @escaping () -> Void) { self.onLast = onLast }

    func add(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = channel
        let own = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in own.value.remove(channel) }
    }

    /// Closes those that are idle; the others close after their answer.
    func quiesce() {
        for channel in channels.values { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    func closeAll() {
        for channel in channels.values { channel.close(promise: nil) }
    }

    private func remove(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = nil
        if channels.isEmpty { onLast() }
    }
}

// Numbers of tcp(7) that NIO has no names for; they are part of Linux's binary interface.
extension NIOBSDSocket.Option {
    fileprivate static let keepIdle = NIOBSDSocket.Option(rawValue: 4)
    fileprivate static let keepInterval = NIOBSDSocket.Option(rawValue: 5)
    fileprivate static let keepCount = NIOBSDSocket.Option(rawValue: 6)
}
