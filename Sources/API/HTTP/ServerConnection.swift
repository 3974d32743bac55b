internal import NIOCore
internal import NIOHTTP1

/// A client's connection, as the task that answers its request sees it.
struct ServerConnection: Sendable {
    let channel: any Channel
    private let receiver: NIOLoopBound<RequestReceiver>

    /// The generic types of a connection, asked for by one thread before the loops of several servers may do so at once.
    /// A precaution: one worker was seen to end in the Swift runtime's search for a conformance (6.3.1,
    /// swift_conformsToProtocol without a type) at its first connections.
    static let types: [any Any.Type] = [
        ByteToMessageHandler<HTTPRequestDecoder>.self, RequestBody.Stream.self, ConnectionGate.Inbound.self,
    ]

    /// Call on the connection's event loop.
    init(channel: any Channel, receiver: RequestReceiver) {
        self.channel = channel
        self.receiver = NIOLoopBound(receiver, eventLoop: channel.eventLoop)
    }

    /// Sets a connection up, on its event loop: HTTP/1.1 with a gate in front, so that routes can take it over. There is
    /// no idle timeout: silent connections belong to clients that keep them for their next request.
    static func prepare(
        _ channel: any Channel, onRequest: @escaping (Request, ServerConnection) -> Void
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

    /// Writes what comes before the answer.
    func write(_ text: String) {
        let receiver = receiver
        channel.eventLoop.execute { receiver.value.gate.write([ByteBuffer(string: text)], promise: nil) }
    }

    /// Writes an answer, all of it; the next request comes when the kernel has taken it.
    /// - Parameters:
    ///   - closes: whether the connection ends with it
    ///   - limitsBody: whether a client that goes on sending the request's body is cut off after a while
    func answer(_ bytes: ByteBuffer, closes: Bool, limitsBody: Bool) {
        let (receiver, loop) = (receiver, channel.eventLoop)
        let written = loop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in receiver.value.answered(closes: closes, limitsBody: limitsBody) }
        if loop.inEventLoop { return receiver.value.gate.write([bytes], promise: written) }
        loop.execute { receiver.value.gate.write([bytes], promise: written) }
    }
}
