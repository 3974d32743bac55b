internal import NIOCore
internal import NIOHTTP1

/// A client's connection, as the task that answers its request sees it.
struct ServerConnection: Sendable {
    let channel: any Channel
    private let receiver: NIOLoopBound<RequestReceiver>

    /// The generic types of connections, of clients as well, made by one thread before several event loops may do so.
    ///
    /// The runtime makes such a type from its mangled name at its first use. If two threads do so at the same time for
    /// one whose argument is generic too and has to conform to a protocol, as HTTP's decoder, one of them may come upon
    /// an argument that is not made yet, and the process ends: swift_conformsToProtocol without a type. Of a thousand
    /// pairs of threads that do nothing else, one to eight end so with Swift 6.3.1, and none with this.
    static let types: [any Any.Type] = [
        ByteToMessageHandler<HTTPRequestDecoder>.self, ByteToMessageHandler<HTTPResponseDecoder>.self,
        RequestBody.Stream.self, ConnectionGate.Inbound.self,
    ]

    /// Call on the connection's event loop.
    init(channel: any Channel, receiver: RequestReceiver) {
        self.channel = channel
        self.receiver = NIOLoopBound(receiver, eventLoop: channel.eventLoop)
    }

    /// Sets a connection up, on its event loop: HTTP/1.1 with a gate in front, so that routes can take it over. There is
    /// no idle timeout: silent connections belong to clients that keep them for their next request.
    static func prepare(
        _ channel: any Channel, onRequest: @escaping (Request, ServerConnection) -> Task<Void, Never>
    ) throws {
        let gate = ConnectionGate()
        try channel.pipeline.syncOperations.addHandlers(
            gate, ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
            RequestReceiver(gate, onRequest: onRequest))
    }

    /// Runs `body` on the connection's event loop.
    func run<Result: Sendable>(_ body: @escaping @Sendable (RequestReceiver) throws -> Result) async throws -> Result {
        let receiver = receiver
        return try await channel.eventLoop.run { try body(receiver.value) }
    }

    /// Has the request that is being answered cancelled when the server shuts down.
    func endAtShutdown() {
        let receiver = receiver
        channel.eventLoop.perform { receiver.value.endsAtShutdown = true }
    }

    /// Writes what comes before the answer.
    func write(_ text: String) {
        let receiver = receiver
        channel.eventLoop.perform { receiver.value.gate.write([ByteBuffer(string: text)], promise: nil) }
    }

    /// Writes an answer, all of it; the next request comes when the kernel has taken it.
    /// - Parameters:
    ///   - closes: whether the connection ends with it
    ///   - limitsBody: whether a client that goes on sending the request's body is cut off after a while
    func answer(_ bytes: ByteBuffer, closes: Bool, limitsBody: Bool) {
        let (receiver, loop) = (receiver, channel.eventLoop)
        let written = loop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in receiver.value.answered(closes: closes, limitsBody: limitsBody) }
        loop.perform { receiver.value.gate.write([bytes], promise: written) }
    }
}
