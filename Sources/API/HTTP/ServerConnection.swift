internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// How a connection is set up: HTTP/1.1 with a gate in front, so that routes can take it over.
struct ServerConnection: ServerChildChannel {
    private let http: HTTP1Channel

    init(responder: @escaping HTTPChannelHandler.Responder) {
        // No idle timeout: silent connections belong to clients that keep them for their next request.
        http = HTTP1Channel(responder: responder)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        do {
            let pipeline = channel.pipeline.syncOperations
            let gate = ConnectionGate()
            try pipeline.addHandler(gate)
            // The HTTP handlers are added at once, although their future says nothing about when.
            let value = http.setup(channel: channel, logger: logger)
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            try pipeline.addHandler(AnswerWatch(gate), position: .after(encoder))
            return value
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }

    /// Sets a listening socket up; what it accepts inherits that (tcp(7)).
    ///
    /// Process streams may be silent for hours and must not be cut; probes alone tell a silent client from one whose
    /// host has gone. Probes begin after 30 s and the connection is given up after 6 of them, 10 s apart.
    static func prepare(_ listener: any Channel) async {
        guard listener.localAddress?.ipAddress != nil else { return }
        let options: [(ChannelOptions.Types.SocketOption, Int)] = [
            (.tcpOption(.tcp_nodelay), 1), (.socketOption(.so_keepalive), 1), (.tcpOption(.keepIdle), 30),
            (.tcpOption(.keepInterval), 10), (.tcpOption(.keepCount), 6),
        ]
        for (option, value) in options { try? await listener.setOption(option, value: value).get() }
    }
}

// Numbers of tcp(7) that NIO has no names for; they are part of Linux's binary interface.
extension NIOBSDSocket.Option {
    fileprivate static let keepIdle = NIOBSDSocket.Option(rawValue: 4)
    fileprivate static let keepInterval = NIOBSDSocket.Option(rawValue: 5)
    fileprivate static let keepCount = NIOBSDSocket.Option(rawValue: 6)
}
