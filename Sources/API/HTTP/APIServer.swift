public import Logging
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
        _ = ServerConnection.types
        self.configuration = configuration
        self.onListening = onListening
        dispatcher = Dispatcher(
            table: RouteTable(groups), requestTimeout: configuration.requestTimeout, logger: logger)
    }

    /// Serves until the graceful shutdown is complete.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for address in configuration.addresses {
                let server = HTTPServer(address: address, dispatcher: dispatcher, onListening: onListening)
                group.addTask {
                    try await server.run()
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
}
