internal import HummingbirdCore
internal import Kernel
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// Serves APIs over HTTP/1.1, on any number of addresses.
///
/// It accepts connections from the moment that ``run()`` is called: the caller starts it when the worker's state is
/// restored. On graceful shutdown it stops listening, closes idle connections and process streams at once, and gives
/// requests under way ``Configuration/drainTime`` to finish; then they are cancelled.
public struct APIServer: Service {
    /// How a server behaves.
    public struct Configuration: Sendable {
        /// Where to listen; all of them at once.
        public var addresses: [ListenAddress]
        /// How long a request may take before it is cancelled; streams have no limit.
        public var requestTimeout: Duration = .seconds(300)
        /// How long requests may go on after a shutdown has begun.
        public var drainTime: Duration = .seconds(10)

        /// Listens on these addresses.
        public init(addresses: [ListenAddress]) { self.addresses = addresses }
    }

    private let configuration: Configuration
    private let dispatcher: Dispatcher
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

    /// Prepares a server.
    /// - Parameters:
    ///   - configuration: where and how to serve
    ///   - groups: the APIs; their paths must not overlap
    ///   - logger: receives failed requests at debug
    ///   - onListening: called once per address when connections are accepted, with the port that the kernel chose
    public init(
        _ configuration: Configuration, groups: [RouteGroup], logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        dispatcher = Dispatcher(
            table: RouteTable(groups), requestTimeout: configuration.requestTimeout, logger: logger)
    }

    /// Serves until the graceful shutdown is complete.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for address in configuration.addresses {
                group.addTask {
                    try await serve(address)
                    return true
                }
            }
            group.addTask {
                // Throws when cancelled, which happens when all servers have ended by themselves.
                try? await gracefulShutdown()
                try? await Task.sleep(for: configuration.drainTime)
                return false
            }
            var left = configuration.addresses.count
            while left > 0, let isServer = try await group.next() {
                if isServer { left -= 1 } else { group.cancelAll() }
            }
            group.cancelAll()
        }
    }

    private func serve(_ address: ListenAddress) async throws {
        // The library announces itself; its words are for debugging here.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let dispatcher = dispatcher
        let connection = ServerConnection { request, writer, channel in
            try await dispatcher.respond(request, writer, channel)
        }
        let onListening = onListening
        // One loop for an address and all its connections: what is accepted changes no thread. Nothing on it waits, and
        // the output of programs does not pass through it.
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let server = connection.server(
            configuration: ServerConfiguration(address: address.bindAddress, backlog: Self.backlog),
            onServerRunning: { channel in
                await ServerConnection.prepare(channel)
                await onListening(address.resolved(by: channel.localAddress))
            },
            eventLoopGroup: loop, logger: quiet)
        try await withTaskExecutorPreference(ForwardingExecutor { loop.execute($0) }) {
            try await Self.run(server)
        }
    }

    // Only a concurrent function moves to where its task prefers to run; the tasks of connections follow it.
    @concurrent
    private static func run(_ server: some Service) async throws { try await server.run() }

    /// Connections that may wait to be accepted; after a restart all clients come back at once.
    private static let backlog = 1024
}
