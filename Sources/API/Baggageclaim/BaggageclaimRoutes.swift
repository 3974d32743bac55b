internal import HTTPTypes
public import Logging
internal import Telemetry
public import Worker

/// The Baggageclaim API: volumes and the archives that go into and out of them.
public struct BaggageclaimRoutes: Sendable {
    let volumes: any Volumes
    let peers: PeerSettings
    let logger: Logger

    /// Serves these volumes.
    /// - Parameters:
    ///   - volumes: the worker's volumes, recovered
    ///   - peers: how other workers reach this one, and how long it waits for them
    ///   - logger: receives failed requests and vanished clients, at debug
    public init(_ volumes: any Volumes, peers: PeerSettings = PeerSettings(), logger: Logger) {
        self.volumes = volumes
        self.peers = peers
        self.logger = logger
    }

    /// The routes, for a server. Of two that fit a path the first one counts.
    public var group: RouteGroup {
        RouteGroup(
            routes: volumeRoutes + creationRoutes + streamRoutes + peerRoutes,
            errorReply: { VolumeOperation.other.reply(to: $0) })
    }

    /// A route whose failures are told in the words of an operation.
    func route(
        _ method: Route.Method, _ template: String, _ operation: VolumeOperation, isTimed: Bool = false,
        endsAtShutdown: Bool = false, _ handler: @escaping @Sendable (Exchange) async throws -> Reply
    ) -> Route {
        Route(method, template, isTimed: isTimed, endsAtShutdown: endsAtShutdown) { exchange in
            do {
                return try await handler(exchange)
            } catch let error where !(error is CancellationError) {
                logger.debug("request failed: \(error)", metadata: ["route": "\(template)"])
                return operation.reply(to: error)
            }
        }
    }

    /// A route about one volume: checks the handle, and links the request to the trace that made the volume.
    func handleRoute(
        _ method: Route.Method, _ template: String, _ operation: VolumeOperation, isTimed: Bool = false,
        endsAtShutdown: Bool = false, _ handler: @escaping @Sendable (Exchange, _ handle: String) async throws -> Reply
    ) -> Route {
        route(method, template, operation, isTimed: isTimed, endsAtShutdown: endsAtShutdown) { exchange in
            let handle = try NameRules.check(exchange["handle"], as: "handle")
            exchange.span.setHandle(handle)
            if !exchange.span.hasParent, let stored = await volumes.traceContext(of: handle) {
                exchange.span.link(stored: stored)
            }
            return try await handler(exchange, handle)
        }
    }
}

extension Reply {
    /// Success, and nothing to say.
    static let noContent = Reply(status: .noContent, headers: [:], body: .bytes([]))
}
