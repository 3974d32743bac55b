internal import HTTPTypes
internal import Kernel
internal import NIOCore
internal import Synchronization
internal import Telemetry

/// The server span of one request, opened when its parent is known.
final class RequestSpan: Sendable {
    /// Where the parent came from; `apron.parent.source`.
    enum Source: String {
        /// The `traceparent` header.
        case header
        /// `TRACEPARENT` in the environment of a container to be made.
        case env
        /// Nowhere, but the span is linked to the context that was stored with its container.
        case stored
        /// Nowhere.
        case none
    }

    /// When the request's head had been read, in nanoseconds of CLOCK_BOOTTIME.
    let start = bootTime()
    private let request: Request
    private let route: String?
    private let path: Substring
    private let channel: any Channel
    /// Whether there is no span at all.
    private let isUnseen: Bool
    private let opened = Mutex<OpenSpan?>(nil)

    init(_ request: Request, route: String?, path: Substring, channel: any Channel, isUnseen: Bool = false) {
        self.isUnseen = isUnseen
        self.request = request
        self.route = route
        self.path = path
        self.channel = channel
    }

    /// The context of the span, once it is open.
    var context: TraceContext? { opened.withLock { $0?.context } }

    /// Opens the span, unless it is open: below the headers' context, else below that of `environment`, else as a new
    /// trace.
    func open(environment: [String] = []) {
        guard context == nil, !isUnseen else { return }
        var source = Source.header
        var parent = caller
        if parent == nil {
            parent = environment.isEmpty ? nil : EnvironmentCarrier(environment: environment).context
            source = parent == nil ? .none : .env
        }
        let method = request.method.rawValue
        let span = Telemetry.start(
            .httpServer, name: route.map { "\(method) \($0)" } ?? method, parent: parent, start: start)
        if span.isRecording { span.set(attributes(source)) }
        opened.withLock { $0 = span }
    }

    /// Runs `body` below the span, with what the caller wants carried along.
    func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        try await Baggage.$current.withValue(baggage) {
            try await TraceContext.$current.withValue(context, operation: body)
        }
    }

    /// The `Server-Timing` header of the reply; nil while spans are off.
    var serverTiming: String? {
        guard let span = opened.withLock({ $0 }), span.isRecording else { return nil }
        return span.serverTiming
    }

    /// The request is about this container.
    func setHandle(_ handle: String) { opened.withLock { $0 }?.setHandle(handle) }

    /// Relates the span to the context stored with its container, when it has no parent of its own.
    func link(stored: TraceContext) {
        guard let span = opened.withLock({ $0 }), span.context.traceID != stored.traceID else { return }
        span.link(Link(stored, type: "created_by"))
        if !hasParent { span.set("apron.parent.source", Source.stored.rawValue) }
    }

    /// Whether the caller sent a valid context.
    var hasParent: Bool { caller != nil }

    /// The caller's context, when it sent a valid one.
    private var caller: TraceContext? {
        guard Propagation.current.contains(.traceContext) else { return nil }
        let fields = request.headers
        return TraceContext(traceparent: fields[values: .traceparent], tracestate: fields[values: .tracestate])
    }

    /// What the caller wants carried along.
    var baggage: Baggage? {
        let values = request.headers[values: .baggage]
        return values.isEmpty || !Propagation.current.contains(.baggage) ? nil : Baggage(values)
    }

    /// Ends the span with the reply's status.
    func end(_ reply: Reply) {
        open()
        guard let span = opened.withLock({ $0 }) else { return }
        let code = reply.status.code
        span.set("http.response.status_code", code)
        if code >= 500 {
            if let failure = reply.failure { span.fail(failure) }
            span.status(.error("\(code)", reply.failure.map { "\($0)" } ?? ""))
        }
        span.end()
    }

    private func attributes(_ source: Source) -> [Attribute] {
        var attributes = [
            Attribute("apron.parent.source", .string(source.rawValue)),
            Attribute("http.request.method", .string(request.method.rawValue)),
            Attribute("url.path", .string(String(path))),
            Attribute("url.scheme", .string("http")),
            Attribute("network.protocol.version", .string("1.1")),
        ]
        if let route { attributes.append(Attribute("http.route", .string(route))) }
        if let local = channel.localAddress {
            attributes.append(Attribute("server.address", .string(local.ipAddress ?? local.pathname ?? "")))
            if let port = local.port { attributes.append(Attribute("server.port", .int(Int64(port)))) }
        }
        if let client = channel.remoteAddress?.ipAddress {
            attributes.append(Attribute("client.address", .string(client)))
        }
        if let agent = request.headers[.userAgent] {
            attributes.append(Attribute("user_agent.original", .string(agent)))
        }
        return attributes
    }
}

extension HTTPField.Name {
    fileprivate static let traceparent = HTTPField.Name(known: "traceparent")
    fileprivate static let tracestate = HTTPField.Name(known: "tracestate")
    fileprivate static let baggage = HTTPField.Name(known: "baggage")
}

extension HTTPField.Name {
    /// A name that is known to be a token.
    init(known name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("not a header name: \(name)") }
        self = field
    }
}
