internal import HTTPTypes
public import Logging
internal import Telemetry
public import Worker

/// The Garden API: containers and their processes.
public struct GardenRoutes: Sendable {
    let containers: any Containers
    let compatibility: Compatibility
    let capacity: @Sendable () -> HostCapacity
    let logger: Logger

    /// Serves these containers.
    /// - Parameters:
    ///   - containers: the worker's containers, recovered
    ///   - compatibility: whom to follow where the known servers disagree
    ///   - capacity: what the host has to give, asked for at every request for it
    ///   - logger: receives what clients do wrong on streams, at debug
    public init(
        _ containers: any Containers, compatibility: Compatibility = .concourse,
        capacity: @escaping @Sendable () -> HostCapacity, logger: Logger
    ) {
        self.containers = containers
        self.compatibility = compatibility
        self.capacity = capacity
        self.logger = logger
    }

    /// The routes, for a server.
    public var group: RouteGroup {
        RouteGroup(
            routes: containerRoutes + propertyRoutes + processRoutes + infoRoutes + absentRoutes,
            errorReply: ErrorTable.reply)
    }

    /// Routes that clients other than the orchestrator know and that the worker does not offer.
    private var absentRoutes: [Route] {
        let paths: [(Route.Method, String)] = [
            (.get, "/containers/bulk_info"), (.get, "/containers/bulk_metrics"),
            (.put, "/containers/:handle/files"), (.get, "/containers/:handle/files"),
            (.post, "/containers/:handle/net/in"), (.post, "/containers/:handle/net/out"),
            (.post, "/containers/:handle/net/out/bulk"), (.get, "/containers/:handle/metrics"),
        ]
        return paths.map { method, template in
            Route(method, template) { _ in
                throw WorkerError(.notImplemented, "not implemented: \(method.rawValue) \(template)")
            }
        }
    }

    /// A route about one container: checks the handle, and links the request to the trace that made the container.
    func route(
        _ method: Route.Method, _ path: String, isTimed: Bool = false,
        _ handler: @escaping @Sendable (Exchange, _ handle: String) async throws -> Reply
    ) -> Route {
        Route(method, "/containers/:handle" + path, isTimed: isTimed) { exchange in
            let handle = try NameRules.check(exchange["handle"], as: "handle")
            exchange.span.setHandle(handle)
            if !exchange.span.hasParent, let stored = await containers.traceContext(of: handle) {
                exchange.span.link(stored: stored)
            }
            return try await handler(exchange, handle)
        }
    }
}
