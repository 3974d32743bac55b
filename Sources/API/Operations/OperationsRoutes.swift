internal import HTTPTypes
internal import Kernel
internal import OperationsPage
public import Telemetry
public import Worker

/// What an operator looks at: the page, what it is made of as JSON, metrics, and health. Nothing here changes anything.
public struct OperationsRoutes: Sendable {
    /// Where the answers come from.
    public struct Sources: Sendable {
        /// Containers and volumes; may take some milliseconds.
        public var overview: @Sendable () async -> WorkerOverview
        /// How the host is; may block shortly.
        public var host: @Sendable () -> HostState
        /// Who the worker is.
        public var worker: WorkerFacts
        /// The spans.
        public var store: SpanStore

        /// Says where the answers come from.
        public init(
            overview: @escaping @Sendable () async -> WorkerOverview, host: @escaping @Sendable () -> HostState,
            worker: WorkerFacts, store: SpanStore = Telemetry.store
        ) {
            self.overview = overview
            self.host = host
            self.worker = worker
            self.store = store
        }
    }

    let sources: Sources
    let board: StateBoard
    private let hosts: HostRule
    private let events: EventStreams

    /// Serves what `sources` tell.
    /// - Parameters:
    ///   - address: what the server listens on
    ///   - names: names by which it may be called, besides the address and those of this host's loopback
    public init(_ sources: Sources, address: String, names: [String] = []) {
        self.sources = sources
        board = StateBoard(sources)
        hosts = HostRule(address: address, names: names)
        events = EventStreams(board)
    }

    /// The routes, for a server of their own: who reaches it sees every command line.
    public var group: RouteGroup {
        let events = events
        let own = [
            Route(.get, "/") { _ in page() },
            Route(.get, "/api/state") { _ in .ready(json: await board.state().json) },
            Route(.get, "/api/search") { exchange in await search(exchange) },
            Route(.get, "/api/traces") { exchange in traces(exchange) },
            Route(.get, "/api/traces/:traceID") { exchange in try trace(exchange) },
            Route(.get, "/api/traces/:traceID/waterfall") { exchange in try waterfall(exchange) },
            Route(.get, "/debug/spans") { exchange in try openSpans(exchange) },
            Route(.get, "/health") { _ in await health() },
        ]
        let answering = (own + MetricsRoutes().routes).flatMap { [$0, $0.asked(by: .head)] }
        let streams = [Route(.get, "/events") { _ in events.reply() }]
        return RouteGroup(
            routes: (answering + streams).map(guarded), errorReply: ErrorTable.reply, servesBrowsers: true)
    }

    /// The same route for those who call this server by a name of its own, and without a span.
    private func guarded(_ route: Route) -> Route {
        let hosts = hosts
        return Route(route.method, route.template, parent: .unseen) { exchange in
            let host = exchange.request.authority
            guard hosts.allows(host) else {
                return .text(
                    "this server does not answer to the name '\(host ?? "")'; call it by its address, or allow the name "
                        + "with --operations-host", status: .misdirectedRequest)
            }
            var reply = try await route.handler(exchange)
            for (name, value) in Self.protections where reply.headers[name] == nil { reply.headers[name] = value }
            return reply
        }
    }

    /// Nothing of this is for other sites, for frames, or for caches.
    private static let protections: [(HTTPField.Name, String)] = [
        (.cacheControl, "no-store"), (.xContentTypeOptions, "nosniff"),
        (HTTPField.Name(known: "Cross-Origin-Resource-Policy"), "same-origin"),
        (HTTPField.Name(known: "Referrer-Policy"), "no-referrer"),
        (.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'"),
    ]

    /// The page. Its script and style carry a word that is new each time, and the policy lets nothing else run: what
    /// containers are called cannot become code even if the page had a mistake.
    private func page() -> Reply {
        var generator = SystemRandomNumberGenerator()
        let nonce = String(generator.next() as UInt64, radix: 36) + String(generator.next() as UInt64, radix: 36)
        let policy = """
            default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; \
            img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
            """
        return Reply(
            status: .ok, headers: [.contentType: "text/html; charset=utf-8", .contentSecurityPolicy: policy],
            body: .bytes(OperationsPage.html(nonce: nonce)))
    }

    /// One word for probes, and figures for people. The server starts when the worker's state is restored.
    private func health() async -> Reply {
        let state = await board.state()
        return .text(
            "ok\nlive: yes\nready: yes\ncontainers: \(state.containers)\nvolumes: \(state.volumes)", status: .ok)
    }
}

extension Route {
    /// The same route for another method.
    fileprivate func asked(by method: Method) -> Route { Route(method, template, parent: parent, handler: handler) }
}

extension Reply {
    /// JSON that is text already.
    static func ready(json: [UInt8]) -> Reply {
        Reply(status: .ok, headers: [.contentType: "application/json"], body: .bytes(json))
    }
}
