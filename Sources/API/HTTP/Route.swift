internal import HTTPTypes

/// One method on one path.
struct Route: Sendable {
    /// What a request may ask of its span.
    enum Parent: Sendable {
        /// The headers say it, or nobody.
        case headers
        /// The handler opens the span itself, since the parent may be in the body.
        case body
        /// It gets none: looking at the worker must not fill what is looked at.
        case unseen
    }

    typealias Handler = @Sendable (Exchange) async throws -> Reply

    let method: HTTPRequest.Method
    /// Such as `/containers/:handle/info`.
    let template: String
    let segments: [Segment]
    var parent = Parent.headers
    /// Whether the server's time limit for requests holds.
    var isTimed = false
    /// Whether a request is cancelled as soon as the server shuts down: it only waits.
    var endsAtShutdown = false
    let handler: Handler

    /// A part of the path between slashes.
    enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    init(
        _ method: HTTPRequest.Method, _ template: String, parent: Parent = .headers, isTimed: Bool = false,
        endsAtShutdown: Bool = false, handler: @escaping Handler
    ) {
        self.method = method
        self.template = template
        self.parent = parent
        self.isTimed = isTimed
        self.endsAtShutdown = endsAtShutdown
        self.handler = handler
        segments = template.split(separator: "/").map {
            $0.hasPrefix(":") ? .parameter(String($0.dropFirst())) : .literal(String($0))
        }
    }
}

/// The routes of one API, and its way of telling errors.
public struct RouteGroup: Sendable {
    let routes: [Route]
    let errorReply: @Sendable (any Error) -> Reply
    /// Whether people may look at it in a browser; if not, requests of browsers are refused.
    var servesBrowsers = false
}

/// All routes of a server, by the shape of their paths.
struct RouteTable: Sendable {
    /// What a path leads to.
    enum Match: Sendable {
        case route(Route, group: RouteGroup, parameters: [String: String])
        /// The path exists for these methods only.
        case wrongMethod(allowed: [String])
        /// A broken escape.
        case malformed
        case unknown
    }

    private var byLength: [Int: [(route: Route, group: RouteGroup)]] = [:]

    init(_ groups: [RouteGroup]) {
        for group in groups {
            for route in group.routes { byLength[route.segments.count, default: []].append((route, group)) }
        }
    }

    /// Finds the route of a path without its query.
    func match(_ method: HTTPRequest.Method, path: some StringProtocol) -> Match {
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard segments.first?.isEmpty == true else { return .unknown }
        segments.removeFirst()
        // The root has no segment, neither here nor in its template.
        if segments.count == 1, segments[0].isEmpty { segments = [] }
        var allowed: [String] = []
        for (route, group) in byLength[segments.count] ?? [] where Self.fits(segments, route.segments) {
            guard route.method == method else {
                allowed.append(route.method.rawValue)
                continue
            }
            var parameters: [String: String] = [:]
            for (written, segment) in zip(segments, route.segments) {
                guard case .parameter(let name) = segment else { continue }
                guard let value = PathEscapes.decode(written) else { return .malformed }
                parameters[name] = value
            }
            return .route(route, group: group, parameters: parameters)
        }
        return allowed.isEmpty ? .unknown : .wrongMethod(allowed: Set(allowed).sorted())
    }

    private static func fits(_ written: [some StringProtocol], _ segments: [Route.Segment]) -> Bool {
        zip(written, segments).allSatisfy { written, segment in
            switch segment {
            case .literal(let text): written == text
            case .parameter: !written.isEmpty
            }
        }
    }
}

extension Route {
    typealias Method = HTTPRequest.Method
}

extension Reply {
    typealias Status = HTTPResponse.Status
}
