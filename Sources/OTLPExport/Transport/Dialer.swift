internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

/// Makes connections to one collector, encrypted or not.
struct Dialer {
    let configuration: OTLPConfiguration
    let group: MultiThreadedEventLoopGroup
    /// What is offered for the encrypted connection (ALPN).
    let protocols: [String]

    /// Connects, and returns when the connection can be used. It blocks.
    /// - Parameter setUp: adds the handlers above encryption; called on the connection's event loop
    func connect(
        milliseconds: Int64, _ setUp: @escaping @Sendable (any Channel) throws -> Void
    ) throws -> any Channel {
        let endpoint = configuration.endpoint
        let deadline = NIODeadline.now() + .milliseconds(milliseconds)
        let context = endpoint.isSecure ? try Self.context(configuration, protocols) : nil
        let loop = group.next()
        let ready = loop.makePromise(of: Void.self)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(milliseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        // A certificate for an address is checked against the address; SNI takes names alone.
                        let isAddress = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) != nil
                        let name = isAddress ? nil : endpoint.host
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                    }
                    try pipeline.addHandler(ReadinessHandler(ready, isSecure: context != nil))
                    try setUp(channel)
                }
            }
        let channel: any Channel
        do { channel = try bootstrap.connect(host: endpoint.host, port: endpoint.port).wait() } catch {
            ready.fail(error)
            throw error
        }
        let timer = loop.scheduleTask(deadline: deadline) { ready.fail(TransportError.timedOut) }
        defer { timer.cancel() }
        do { try ready.futureResult.wait() } catch {
            channel.close(promise: nil)
            throw error
        }
        return channel
    }

    /// Reads the files anew for each connection, so that certificates can be replaced at run time.
    static func context(_ configuration: OTLPConfiguration, _ protocols: [String]) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.applicationProtocols = protocols
        if let file = configuration.certificateFile { tls.trustRoots = .file(file) }
        if let file = configuration.clientCertificateFile {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
        }
        if let file = configuration.clientKeyFile {
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
        }
        return try NIOSSLContext(configuration: tls)
    }
}

/// Tells when a connection can be used, or why it never can.
private final class ReadinessHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let ready: EventLoopPromise<Void>
    private let isSecure: Bool

    init(_ ready: EventLoopPromise<Void>, isSecure: Bool) {
        self.ready = ready
        self.isSecure = isSecure
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { ready.succeed() }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { ready.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ready.fail(TransportError.closedBeforeReply)
        context.fireChannelInactive()
    }
}
