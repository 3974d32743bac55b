internal import Kernel
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Telemetry

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
        let executor = ForwardingExecutor { loop.execute($0) }
        try await withTaskExecutorPreference(executor) { try await serve(on: loop, executor) }
    }

    // Only a concurrent function moves to where its task prefers to run.
    @concurrent
    private func serve(on loop: any EventLoop, _ executor: ForwardingExecutor) async throws {
        let connections = NIOLoopBound(OpenConnections(), eventLoop: loop)
        // Tasks that a loop begins inherit nothing.
        let faults = FaultPlan.current
        let listener = try await listen(on: loop) { listener in
            connections.value.add(listener)
        } onConnection: { channel in
            connections.value.add(channel)
            try ServerConnection.prepare(channel) { request, connection in
                connections.value.requestBegan()
                // It begins here and now; no other thread and no queue is between a request and its handler.
                return Task.immediate(executorPreference: executor) {
                    await FaultPlan.run(faults) { await dispatcher.respond(to: request, connection) }
                    loop.perform { connections.value.requestEnded() }
                }
            }
        }
        await Self.setOptions(of: listener)
        await onListening(address.resolved(by: listener.localAddress))
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await withCheckedContinuation { end in
                    loop.perform { connections.value.whenAllAreGone { end.resume() } }
                }
            } onGracefulShutdown: {
                loop.execute {
                    listener.close(promise: nil)
                    connections.value.quiesce()
                }
            }
        } onCancel: {
            loop.execute { connections.value.cancelAll() }
        }
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

/// A server's sockets that are open, the listening one included, and how many requests are being answered. Used on their
/// event loop.
private final class OpenConnections {
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var requests = 0
    private var onLast: (() -> Void)?

    func add(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = channel
        let own = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in own.value.remove(channel) }
    }

    /// Closes those that are idle; the others close after their answer.
    func quiesce() {
        for channel in channels.values { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    /// Closes all, and cancels the requests.
    func cancelAll() {
        for channel in channels.values {
            channel.pipeline.fireUserInboundEventTriggered(RequestReceiver.Cancellation())
            channel.close(promise: nil)
        }
    }

    func requestBegan() { requests += 1 }

    func requestEnded() {
        requests -= 1
        tellIfAllAreGone()
    }

    /// Calls `body` once there is neither a socket nor a request, which may outlive its socket.
    func whenAllAreGone(_ body: @escaping () -> Void) {
        onLast = body
        tellIfAllAreGone()
    }

    private func remove(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = nil
        tellIfAllAreGone()
    }

    private func tellIfAllAreGone() {
        guard channels.isEmpty, requests == 0 else { return }
        onLast?()
        onLast = nil
    }
}

// Numbers of tcp(7) that NIO has no names for; they are part of Linux's binary interface.
extension NIOBSDSocket.Option {
    fileprivate static let keepIdle = NIOBSDSocket.Option(rawValue: 4)
    fileprivate static let keepInterval = NIOBSDSocket.Option(rawValue: 5)
    fileprivate static let keepCount = NIOBSDSocket.Option(rawValue: 6)
}
